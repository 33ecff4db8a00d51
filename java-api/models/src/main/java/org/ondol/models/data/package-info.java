/** Data sets that models are trained on and evaluated with, read from the files in which they are published. */
package org.ondol.models.data;
