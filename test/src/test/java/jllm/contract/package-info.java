/**
 * What every {@link jllm.tensor.Backend} must do, written as JUnit test interfaces: a backend is
 * tested by a class that implements all of them ({@link jllm.contract.BackendContract}). Results
 * are compared with those of {@link jllm.tensor.scalar.ScalarBackend} in double precision.
 */
@NullMarked
package jllm.contract;

import org.jspecify.annotations.NullMarked;
