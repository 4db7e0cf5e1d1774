/**
 * PyTorch checkpoints ({@code torch.save} since version 1.6: a zip archive with a pickle and the
 * data of tensors): what tensors they contain. The pickle is read as data; nothing in it is run.
 */
@NullMarked
package jllm.format.pytorch;

import org.jspecify.annotations.NullMarked;
