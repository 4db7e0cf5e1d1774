/** Tests. */
@NullMarked
package jllm.quantize;

import org.jspecify.annotations.NullMarked;
