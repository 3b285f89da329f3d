package io.github.micronautratelimit.http;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.bind.binders.TypedRequestArgumentBinder;
import jakarta.inject.Singleton;
import java.util.Optional;

/** Provides {@link RateLimitCharges} to methods of routes, also if limits are disabled. */
@Singleton
final class RateLimitChargesBinder implements TypedRequestArgumentBinder<RateLimitCharges> {

    private static final Argument<RateLimitCharges> TYPE = Argument.of(RateLimitCharges.class);

    private final AsyncRateLimiter limiter;

    RateLimitChargesBinder(RateLimiter limiter) {
        this.limiter = limiter.async();
    }

    @Override
    public Argument<RateLimitCharges> argumentType() {
        return TYPE;
    }

    @Override
    public BindingResult<RateLimitCharges> bind(
            ArgumentConversionContext<RateLimitCharges> context, HttpRequest<?> source) {
        RateLimitCharges charges = new RateLimitCharges(source, limiter);
        return () -> Optional.of(charges);
    }
}
