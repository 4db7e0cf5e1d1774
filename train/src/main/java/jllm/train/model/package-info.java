/**
 * New models: named shapes, what may be changed of them, their first weights, and what they cost.
 */
@NullMarked
package jllm.train.model;

import org.jspecify.annotations.NullMarked;
