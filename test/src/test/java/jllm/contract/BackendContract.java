package jllm.contract;

/** All operations of a backend; implemented by one test class for each backend. */
interface BackendContract
    extends LinearContract,
        EmbeddingContract,
        ExpertContract,
        RoutingContract,
        NormContract,
        RotaryContract,
        AttentionContract,
        ActivationContract,
        ElementwiseContract,
        SoftmaxContract {}
