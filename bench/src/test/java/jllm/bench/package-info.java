/** Tests of the measured workloads and their reports. */
@NullMarked
package jllm.bench;

import org.jspecify.annotations.NullMarked;
