/** Tests of proposals that look inside the package: single regions, similarities and graphs worked out by hand. */
package org.ondol.models.proposals;
