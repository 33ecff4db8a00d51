/** Figures by which detectors and segmenters are judged, as their benchmarks define them. */
package org.ondol.models.evaluation;
