/** The launcher script, run with a JDK and a Maven that only note how they are called. */
@NullMarked
package jllm.launcher;

import org.jspecify.annotations.NullMarked;
