/**
 * Models of pictures with latent variables: a code that says in a few numbers what a picture shows, and the way from
 * codes to pictures. Autoencoders, variational ones, adversarial nets.
 */
package org.ondol.models.latent;
