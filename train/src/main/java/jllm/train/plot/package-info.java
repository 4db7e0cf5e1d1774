/** Pictures of runs, drawn from their metrics; no windows. */
@NullMarked
package jllm.train.plot;

import org.jspecify.annotations.NullMarked;
