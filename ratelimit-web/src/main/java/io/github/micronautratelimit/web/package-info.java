/**
 * What every HTTP integration shares, without any framework: who is asking, which paths are meant, what clients are told.
 */
@NullMarked
package io.github.micronautratelimit.web;

import org.jspecify.annotations.NullMarked;
