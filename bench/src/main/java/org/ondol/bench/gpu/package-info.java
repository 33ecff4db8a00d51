/** The Java half of the GPU check, bench/cuda/check: what only Java can time, and the report of everything that was timed. */
package org.ondol.bench.gpu;
