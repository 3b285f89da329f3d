@NullMarked
package io.github.micronautratelimit.web;

import org.jspecify.annotations.NullMarked;
