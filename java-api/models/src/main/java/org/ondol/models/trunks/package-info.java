/** Networks that turn images into maps: the lower part of classifiers, detectors and segmenters. */
package org.ondol.models.trunks;
