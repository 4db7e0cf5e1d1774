/**
 * Safetensors files (the specification is the README of huggingface/safetensors): what they
 * contain, one file or several with an index.
 */
@NullMarked
package jllm.format.safetensors;

import org.jspecify.annotations.NullMarked;
