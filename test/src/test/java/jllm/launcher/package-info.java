/**
 * The launcher and other scripts, run with a JDK, a Maven, a jllm that only note how they are
 * called.
 */
@NullMarked
package jllm.launcher;

import org.jspecify.annotations.NullMarked;
