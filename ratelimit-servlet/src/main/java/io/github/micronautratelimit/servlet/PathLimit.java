package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PathRule;

/** A policy for requests that match a rule; {@code path} is the text of its pattern. */
record PathLimit(String path, PathRule rule, Policy policy, KeyTemplate key, Cost cost) {}
