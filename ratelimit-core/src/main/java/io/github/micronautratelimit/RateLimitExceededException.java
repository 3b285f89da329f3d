package io.github.micronautratelimit;

/**
 * A call was denied. Carries no stack trace: it tells what was asked, not where, and is thrown often.
 */
public class RateLimitExceededException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** Not part of the serial form: whoever catches it elsewhere still has the message. */
    private final transient Decisions decisions;

    /**
     * A denial.
     *
     * @param decisions the decisions, at least one of them a denial
     */
    public RateLimitExceededException(Decisions decisions) {
        super(message(decisions), null, false, false);
        this.decisions = decisions;
    }

    /**
     * What was asked and decided.
     *
     * @return the decisions, at least one of them a denial
     */
    public Decisions decisions() {
        return decisions;
    }

    private static String message(Decisions decisions) {
        if (decisions.each().size() == 1) {
            return "Rate limit exceeded: " + decisions.asks().get(0).policy().name() + ".";
        }
        StringBuilder message = new StringBuilder(128).append("Rate limit exceeded");
        String separator = ": ";
        for (int i = 0; i < decisions.each().size(); i++) {
            Decision decision = decisions.each().get(i);
            if (!decision.allowed()) {
                message.append(separator).append(decisions.asks().get(i).policy().name());
                separator = ", ";
            }
        }
        return message.append('.').toString();
    }
}
