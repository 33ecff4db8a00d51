/**
 * Training: reverse-mode gradients over the engine's operations, losses, initial values and optimisers.
 *
 * <p>A {@link org.ondol.grad.Tape} records what is computed with its {@link org.ondol.grad.Value}s, eagerly, and
 * {@link org.ondol.grad.Tape#backward} runs the operations' own backward kernels over it, from the last to the first:
 *
 * <pre>{@code
 * try (Tape tape = Tape.open()) {
 *   Value hidden = tape.constant(images).linear(tape.parameter(w1), tape.parameter(b1)).relu();
 *   Value loss = Losses.softmax(hidden.linear(tape.parameter(w2), tape.parameter(b2)), labels, 1, Reduction.MEAN);
 *   tape.backward(loss);
 * }
 * optimizer.step();
 * parameters.clearGradients();
 * }</pre>
 *
 * Gradients are plain tensors and have no gradients themselves: derivatives of higher order are out of scope.
 */
package org.ondol.grad;
