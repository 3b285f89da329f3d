package io.github.micronautratelimit.policy;

import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.inject.ExecutableMethod;

/**
 * A class or method that may be annotated.
 *
 * @param annotations its annotations
 * @param name        names its policies and identifies it in messages
 * @param method      the method, or a method of the class
 * @param role        what the element limits on a WebSocket
 */
record AnnotatedElement(
        AnnotationMetadata annotations, String name, ExecutableMethod<?, ?> method, WebSocketMethod role) {}
