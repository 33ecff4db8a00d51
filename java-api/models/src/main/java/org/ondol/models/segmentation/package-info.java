/** A class for each pixel of a picture. */
package org.ondol.models.segmentation;
