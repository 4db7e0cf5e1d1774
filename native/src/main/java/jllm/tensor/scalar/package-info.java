/**
 * The oracle: every operation of {@link jllm.tensor.Backend} as plain loops in double precision,
 * rounded once where a result is stored. The other backends are tested against it; nothing here is
 * made fast at the expense of being read.
 */
@NullMarked
package jllm.tensor.scalar;

import org.jspecify.annotations.NullMarked;
