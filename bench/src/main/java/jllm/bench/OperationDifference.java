package jllm.bench;

/**
 * How far two backends are apart in an operation.
 *
 * @param calls that were compared
 * @param error the greatest: norm of the difference over the norm of a result; not a number where
 *     one of both is not
 * @param operands of the call with that error
 */
record OperationDifference(long calls, double error, String operands) {

  OperationDifference with(OperationDifference other) {
    boolean worse = !(other.error <= error);
    return new OperationDifference(
        calls + other.calls, worse ? other.error : error, worse ? other.operands : operands);
  }
}
