package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.ForwardingSlots;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Scheduler;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Faults of the guard stack that once existed or might be made. The simulation has to find each of them. */
enum Mutants implements Mutant {
    CHARGES_LOST_AFTER_AN_OUTAGE("every permit is charged") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return charges(boundary, (policy, key, permits) -> completed(allowed()));
        }
    },

    CHARGED_TWICE_AFTER_AN_OUTAGE("every permit is charged at most once") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return charges(boundary, (policy, key, permits) -> {
                boundary.acquire(policy, key, permits);
                return boundary.acquire(policy, key, permits);
            });
        }
    },

    /** A call whose outcome is unknown is taken for one that was not executed. */
    CHARGED_AFTER_A_LOST_REPLY("every permit is charged at most once") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return requests(
                    boundary,
                    answer -> answer.exceptionallyCompose(failure -> CompletableFuture.failedFuture(
                            Futures.unwrap(failure) instanceof TimeoutException
                                    ? new IllegalStateException()
                                    : failure)));
        }
    },

    /** A call that was refused is taken for one whose outcome is unknown. */
    NEVER_CHARGED_AFTER_A_REFUSAL("every permit is charged") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return requests(
                    boundary,
                    answer -> answer.exceptionallyCompose(
                            failure -> CompletableFuture.failedFuture(new TimeoutException())));
        }
    },

    GIVEN_BACK_TWICE("nothing is given back twice") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
                    super.refund(policy, key, permits, chargedAtMicros);
                    return super.refund(policy, key, permits, chargedAtMicros);
                }
            };
        }
    },

    /** A refund that the store may have executed is given back in the process too. */
    GIVEN_BACK_AFTER_A_LOST_REPLY("nothing is given back twice") {
        @Override
        public RateLimitBackend above(RateLimitBackend guarded, Boundary boundary) {
            return new ForwardingBackend(guarded) {
                @Override
                public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
                    return super.refund(policy, key, permits, chargedAtMicros).whenComplete((done, failure) -> {
                        if (failure != null && isUnknown(failure)) {
                            super.refundFallback(policy, key, permits, chargedAtMicros);
                        }
                    });
                }
            };
        }
    },

    /** Requests find out whether the store answers again, and wait for it. */
    PROBED_BY_REQUESTS("no request calls a part whose breaker is open") {
        @Override
        public RateLimitBackend above(RateLimitBackend guarded, Boundary boundary) {
            return new ForwardingBackend(guarded) {
                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                    CompletionStage<Decision> decision = super.acquire(policy, key, permits);
                    CompletableFuture<Decision> made = decision.toCompletableFuture();
                    boolean fallback = made.isDone()
                            && !made.isCompletedExceptionally()
                            && made.join().source() == Decision.Source.FALLBACK;
                    return fallback ? boundary.acquire(policy, key, permits) : decision;
                }
            };
        }
    },

    ONE_BREAKER_FOR_ALL_PARTS("a key without faults is decided by the store") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public String partition(Policy policy, String key) {
                    return WHOLE_STORE;
                }
            };
        }
    },

    THROTTLING_OPENS_THE_BREAKER("a key without faults is decided by the store") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return requests(
                    boundary,
                    answer -> answer.exceptionallyCompose(failure -> CompletableFuture.failedFuture(
                            Futures.unwrap(failure) instanceof StoreThrottledException
                                    ? new IllegalStateException()
                                    : failure)));
        }
    },

    /** A pair that is charged in part, because a refund failed, is taken for one that was not executed. */
    CHARGED_AFTER_A_LOST_REFUND("every permit is charged at most once") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
                    CompletionStage<List<Decision>> answer = super.acquireAll(requests);
                    return Boundary.cancelling(answer, answer.exceptionallyCompose(failure -> {
                        Throwable cause = Futures.unwrap(failure).getCause();
                        return CompletableFuture.failedFuture(cause == null ? failure : cause);
                    }));
                }
            };
        }
    },

    /** A reservation that is sent again has another id. */
    RESERVED_TWICE("a reservation is charged and settled once") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public CompletionStage<Decision> reserve(
                        Policy policy, String key, UUID id, long permits, long ttlMicros) {
                    CompletionStage<Decision> answer = super.reserve(policy, key, id, permits, ttlMicros);
                    UUID other = new UUID(id.getMostSignificantBits(), ~id.getLeastSignificantBits());
                    return Boundary.cancelling(answer, answer.whenComplete((decision, failure) -> {
                        if (failure != null && isUnknown(failure)) {
                            super.reserve(policy, key, other, permits, ttlMicros);
                        }
                    }));
                }
            };
        }
    },

    /** A reservation is settled by a refund, which the store executes with each attempt. */
    SETTLED_BY_REFUNDS("a reservation is charged and settled once") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public CompletionStage<Settlement> settle(
                        Policy policy, String key, Reservation.Receipt receipt, long actual) {
                    long rest = receipt.permits() - actual;
                    return rest <= 0
                            ? super.settle(policy, key, receipt, actual)
                            : super.refund(policy, key, rest, receipt.chargedAtMicros())
                                    .thenApply(done -> new Settlement(Reservation.Outcome.SETTLED, allowed()));
                }
            };
        }
    },

    BLOCK_CONFIRMED_WITHOUT_THE_STORE("a confirmed block is in the store") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public CompletionStage<Void> block(Policy policy, String key, long micros) {
                    return super.block(policy, key, micros).exceptionally(failure -> null);
                }
            };
        }
    },

    /** An instance grants a request because it has granted one before. */
    GRANTS_CACHED("no blocked request is granted") {
        @Override
        public RateLimitBackend above(RateLimitBackend guarded, Boundary boundary) {
            return new ForwardingBackend(guarded) {
                private final Set<String> granted = new HashSet<>();

                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                    return granted.contains(key)
                            ? completed(allowed())
                            : super.acquire(policy, key, permits).thenApply(decision -> {
                                if (decision.allowed()) {
                                    granted.add(key);
                                }
                                return decision;
                            });
                }
            };
        }
    },

    OUTAGE_NEVER_ENDS("no outage is left") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                    return Boundary.isProbe(policy)
                            ? CompletableFuture.failedFuture(new IllegalStateException())
                            : super.acquire(policy, key, permits);
                }
            };
        }
    },

    LATE_CALLS_NEVER_EXPIRE("every decision is in time") {
        @Override
        public Scheduler threads(Scheduler process) {
            return new Scheduler() {
                @Override
                public long nanoTime() {
                    return process.nanoTime();
                }

                @Override
                public Loop loop(String name, LongSupplier step) {
                    return process.loop(name, name.equals("ratelimit-deadlines") ? () -> END : step);
                }

                @Override
                public <T> T await(CompletableFuture<T> future, long nanos)
                        throws InterruptedException, ExecutionException, TimeoutException {
                    return process.await(future, nanos);
                }
            };
        }
    },

    /** A slot that the store grants after the deadline stays taken until its lease expires. */
    LATE_SLOT_NOT_RELEASED("all released slots are free") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return slots(boundary, new ForwardingSlots(boundary.concurrency()) {
                private final Set<UUID> answered = new HashSet<>();

                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                    return super.acquire(policy, key, holder).thenApply(decision -> {
                        answered.add(holder);
                        return decision;
                    });
                }

                @Override
                public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
                    return answered.contains(holder) ? super.release(policy, key, holder) : completed(null);
                }
            });
        }
    },

    RELEASE_NOT_REPEATED("all released slots are free") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return slots(boundary, new ForwardingSlots(boundary.concurrency()) {
                @Override
                public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
                    return super.release(policy, key, holder).exceptionally(failure -> null);
                }
            });
        }
    },

    /** Slots are granted without the store although on-error is closed. */
    SLOTS_OPEN_IN_AN_OUTAGE("slots stay within their limit") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return slots(boundary, new ForwardingSlots(boundary.concurrency()) {
                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                    return super.acquire(policy, key, holder).exceptionally(failure -> allowed());
                }
            });
        }
    },

    DENIALS_CACHED_TOO_LONG("the deny cache denies nothing that the store would grant") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return requests(
                    boundary,
                    answer -> answer.thenApply(decision -> decision instanceof Decision.Denied denied
                            ? new Decision.Denied(
                                    denied.remaining(),
                                    denied.retryAfterMicros() + 200_000,
                                    denied.resetAfterMicros() + 200_000,
                                    denied.deniedBy(),
                                    denied.source())
                            : decision));
        }
    },

    /** The permits of a fallback are prefetched as if the store had charged them. */
    PREFETCHED_WITHOUT_CHARGE("every prefetched permit is charged") {
        @Override
        public RateLimitBackend below(Boundary boundary) {
            return new ForwardingBackend(boundary) {
                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                    CompletionStage<Decision> answer = super.acquire(policy, key, permits);
                    return policy.maxPrefetch() > 0
                            ? Boundary.cancelling(answer, answer.exceptionally(failure -> allowed()))
                            : answer;
                }
            };
        }
    };

    private final String violatedRule;

    Mutants(String violatedRule) {
        this.violatedRule = violatedRule;
    }

    /** Returns the rule whose violation shows the fault. */
    String violatedRule() {
        return violatedRule;
    }

    private interface Charging {

        CompletionStage<Decision> charge(Policy policy, String key, long permits);
    }

    private static Decision allowed() {
        return new Decision.Allowed(10, 0, Decision.Source.STORE);
    }

    private static boolean isUnknown(Throwable failure) {
        Throwable cause = Futures.unwrap(failure);
        return cause instanceof TimeoutException || cause.getCause() instanceof TimeoutException;
    }

    private static <T> CompletionStage<T> completed(T value) {
        return CompletableFuture.completedFuture(value);
    }

    /** Changes the charges of permits that a fallback has granted. */
    private static RateLimitBackend charges(Boundary boundary, Charging changed) {
        return new ForwardingBackend(boundary) {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                return boundary.isRequest() || Boundary.isProbe(policy) || policy.maxPrefetch() > 0
                        ? super.acquire(policy, key, permits)
                        : changed.charge(policy, key, permits);
            }
        };
    }

    /** Changes the answers to requests. */
    private static RateLimitBackend requests(
            Boundary boundary, Function<CompletionStage<Decision>, CompletionStage<Decision>> changed) {
        return new ForwardingBackend(boundary) {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                CompletionStage<Decision> answer = super.acquire(policy, key, permits);
                return boundary.isRequest() && !Boundary.isProbe(policy)
                        ? Boundary.cancelling(answer, changed.apply(answer))
                        : answer;
            }
        };
    }

    private static RateLimitBackend slots(Boundary boundary, ConcurrencyBackend changed) {
        return new ForwardingBackend(boundary) {
            @Override
            public ConcurrencyBackend concurrency() {
                return changed;
            }
        };
    }
}
