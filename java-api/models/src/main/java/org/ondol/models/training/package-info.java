/** Training: what is trained, how a run goes on after a stop, and what it writes. */
package org.ondol.models.training;
