/**
 * What model files mean: the table of model families, the hyperparameters and tensor names of each
 * format, and {@link jllm.format.model.ModelFiles}, which opens any of them. How the bytes of a
 * format are laid out is not known here.
 */
@NullMarked
package jllm.format.model;

import org.jspecify.annotations.NullMarked;
