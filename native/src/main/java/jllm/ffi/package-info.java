/**
 * Calls into native libraries through the Foreign Function and Memory API. The only package that
 * sees {@code java.lang.foreign.Linker}; what it offers to others has plain Java types.
 */
@NullMarked
package jllm.ffi;

import org.jspecify.annotations.NullMarked;
