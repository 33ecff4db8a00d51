/** Detectors: boxes that are true, boxes that are found, and the networks that find them. */
package org.ondol.models.detection;
