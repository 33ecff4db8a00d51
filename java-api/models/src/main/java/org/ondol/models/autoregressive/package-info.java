/**
 * Models of p(x) as a product of p(x_i | x_1 .. x_i-1): exact likelihoods, and samples variable by variable.
 */
package org.ondol.models.autoregressive;
