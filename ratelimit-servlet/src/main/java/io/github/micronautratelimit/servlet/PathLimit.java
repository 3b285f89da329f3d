package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PathRule;

/** A policy on paths. */
record PathLimit(PathRule rule, Policy policy, KeyTemplate key, Cost cost) {
}
