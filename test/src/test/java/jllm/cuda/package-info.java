/** What tests need to run the CUDA backend, with a device or without one. */
@NullMarked
package jllm.cuda;

import org.jspecify.annotations.NullMarked;
