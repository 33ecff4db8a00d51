/** Photographs as bytes, read, resized and varied for training. */
package org.ondol.models.images;
