@NullMarked
package io.github.micronautratelimit.servlet;

import org.jspecify.annotations.NullMarked;
