/** Each model with the data, the settings and the way of training that work for it: what the command line trains. */
package org.ondol.models.recipes;
