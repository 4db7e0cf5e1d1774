package jllm.contract;

/** What a backend does in training alone: {@link jllm.tensor.TrainingKernels}. */
interface TrainingContract
    extends LinearGradientContract,
        NormGradientContract,
        AttentionGradientContract,
        ElementGradientContract,
        ExpertGradientContract,
        LossContract,
        OptimizerContract {}
