/** Whole runs of the program and of its libraries, on real files: what a user would see. */
@NullMarked
package jllm.e2e;

import org.jspecify.annotations.NullMarked;
