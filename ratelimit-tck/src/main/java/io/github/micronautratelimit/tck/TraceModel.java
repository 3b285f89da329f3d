package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.tck.ExactModel.Open;
import io.github.micronautratelimit.tck.GoldenTrace.Answer;
import io.github.micronautratelimit.tck.GoldenTrace.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Executes the rows of a trace on the exact model. */
final class TraceModel implements TraceStep {

    private final List<Limit> limits;
    private final boolean refundedAtExpiry;
    private final List<Row> rows = new ArrayList<>();
    private ExactModel model;

    TraceModel(List<Limit> limits, boolean refundedAtExpiry, long begin) {
        this.limits = limits;
        this.refundedAtExpiry = refundedAtExpiry;
        this.model = ExactModel.empty(limits, begin);
    }

    @Override
    public Answer execute(Row row) {
        rows.add(row);
        long now = row.timeMicros();
        return switch (row.operation()) {
            case ACQUIRE -> decided(model.acquire(limits, now, row.permits()));
            case REFUND -> {
                Row charge = rows.get((int) row.argument() - 1);
                yield changed(now, model.refund(limits, now, charge.permits(), charge.timeMicros()));
            }
            case REFUND_LATEST -> changed(now, model.refund(limits, now, row.permits(), ExactModel.LATEST));
            case RESERVE -> decided(model.reserve(limits, now, receipt(rows.size()), ReservationRules.MOST_OPEN));
            case SETTLE -> decided(
                    model.settle(limits, now, receipt((int) row.argument()), row.permits(), ReservationRules.CAPACITY));
            case BLOCK -> changed(now, model.block(now, row.argument()));
        };
    }

    private Open receipt(int number) {
        Row row = rows.get(number - 1);
        return new Open(
                new UUID(0, number),
                row.permits(),
                row.timeMicros(),
                row.timeMicros() + row.argument(),
                refundedAtExpiry);
    }

    private Answer decided(ExactModel.Outcome outcome) {
        model = outcome.next();
        return outcome.answer();
    }

    private Answer changed(long now, ExactModel next) {
        model = next;
        return model.peek(limits, now, 0).answer();
    }
}
