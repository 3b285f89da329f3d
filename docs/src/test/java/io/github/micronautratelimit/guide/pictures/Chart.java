package io.github.micronautratelimit.guide.pictures;

import java.util.List;
import java.util.Locale;

/**
 * An SVG picture with panels below each other on the same time axis. It draws its own background, so it is readable on
 * a dark page too, and uses a font of the browser.
 */
final class Chart {

    private static final int WIDTH = 760;
    private static final int LEFT = 74;
    private static final int RIGHT = 736;
    private static final int LANE = 20;
    private static final int PLOT = 84;
    private static final String INK = "#24292f";
    private static final String GREY = "#57606a";
    private static final String LINE = "#d8dee4";
    private static final String GRANTED = "#0969da";
    private static final String DENIED = "#bc4c00";
    private static final String LEVEL = "#54aeff";

    private final StringBuilder body = new StringBuilder();
    private final String title;
    private final double from;
    private final double to;
    private final int tick;
    private int y;

    /** Creates a chart from one second to another, with a tick every {@code tick} seconds. */
    Chart(String title, double from, double to, int tick) {
        this.title = title;
        this.from = from;
        this.to = to;
        this.tick = tick;
    }

    /** Draws a legend of the marks of {@link #panel}. */
    Chart legend(String level) {
        y += 30;
        bar(LEFT, y - 11, 3, 13, GRANTED);
        text(LEFT + 9, y, "start", GREY, "granted request");
        bar(LEFT + 190, y - 11, 3, 13, DENIED);
        text(LEFT + 199, y, "start", GREY, "denied request");
        area(LEFT + 376, y - 11, 14, 13);
        text(LEFT + 396, y, "start", GREY, level);
        y += 14;
        return this;
    }

    /** Draws a run: marks for its requests and, below them, the remaining permits. */
    Chart panel(String name, Run run, long most, int step) {
        heading(name, run.granted() + " granted, " + run.denied() + " denied");
        lane("granted", run, true, GRANTED);
        lane("denied", run, false, DENIED);
        plot(run.levels(), most, step, "remaining");
        return this;
    }

    /** Draws a labelled vertical line through the last panel. */
    Chart border(double seconds, String meaning) {
        int top = y - 30 - PLOT - 6 - 2 * LANE;
        body.append(format(
                "<path d=\"M%.1f %dV%d\" stroke=\"%s\" stroke-dasharray=\"4 3\"/>\n", x(seconds), top, y - 30, INK));
        text(x(seconds) + 4, y - 30 - PLOT - 12, "start", INK, meaning);
        return this;
    }

    /** Draws the name of a panel and, at the right, a summary. */
    void heading(String name, String summary) {
        y += 26;
        body.append(format("<text x=\"%d\" y=\"%d\" fill=\"%s\" font-weight=\"bold\">%s</text>\n", LEFT, y, INK, name));
        text(RIGHT, y, "end", GREY, summary);
        y += 10;
    }

    private void lane(String name, Run run, boolean granted, String colour) {
        text(LEFT - 8, y + 14, "end", GREY, name);
        body.append(format("<path d=\"M%d %dH%d\" stroke=\"%s\"/>\n", LEFT, y + LANE, RIGHT, LINE));
        for (Run.Mark mark : run.marks()) {
            if (mark.granted() == granted) {
                bar(x(mark.micros() / 1e6) - 1, y + 3, 2, LANE - 4, colour);
            }
        }
        y += LANE;
    }

    /** Draws a row for a holder: the time that it uses its slot, and the time until an abandoned slot is free. */
    void slot(String name, double begin, double end, double kept) {
        text(LEFT - 8, y + 14, "end", GREY, name);
        bar(x(begin), y + 4, x(end) - x(begin), LANE - 8, GRANTED);
        if (kept > end) {
            body.append(format(
                    "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#ddf4ff\" stroke=\"%s\" "
                            + "stroke-dasharray=\"3 2\"/>\n",
                    x(end), y + 4, x(kept) - x(end), LANE - 8, GRANTED));
            text(x((end + kept) / 2), y + 14, "middle", INK, "its instance has died");
        }
        y += LANE;
    }

    /** Draws a row for a denied request. */
    void denied(String name, double at, String words) {
        text(LEFT - 8, y + 14, "end", GREY, name);
        bar(x(at) - 1.5, y + 2, 3, LANE - 4, DENIED);
        text(x(at) + 8, y + 14, "start", DENIED, words);
        y += LANE;
    }

    /** Draws the levels below the rows, and the time axis. */
    void plot(List<Run.Level> levels, long most, int step, String unit) {
        y += 6;
        int bottom = y + PLOT;
        for (long left = 0; left <= most; left += step) {
            double at = bottom - PLOT * (double) left / most;
            body.append(format("<path d=\"M%d %.1fH%d\" stroke=\"%s\"/>\n", LEFT, at, RIGHT, LINE));
            text(LEFT - 8, at + 4, "end", GREY, Long.toString(left));
        }
        body.append(format(
                "<text transform=\"translate(24 %d) rotate(-90)\" text-anchor=\"middle\" fill=\"%s\">%s</text>\n",
                y + PLOT / 2, GREY, unit));
        StringBuilder path = new StringBuilder();
        for (Run.Level level : levels) {
            double seconds = Math.max(from, Math.min(to, level.micros() / 1e6));
            path.append(format(
                    path.isEmpty() ? "%.1f %.1f" : "H%.1fV%.1f",
                    x(seconds),
                    bottom - PLOT * (double) level.remaining() / most));
        }
        body.append(format(
                "<path d=\"M%sH%dV%dH%dZ\" fill=\"%s\" fill-opacity=\".35\"/>\n", path, RIGHT, bottom, LEFT, LEVEL));
        body.append(
                format("<path d=\"M%sH%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", path, RIGHT, LEVEL));
        axis(bottom);
        y = bottom + 30;
    }

    private void axis(int bottom) {
        body.append(format("<path d=\"M%d %dH%d\" stroke=\"%s\"/>\n", LEFT, bottom, RIGHT, GREY));
        for (int second = (int) Math.ceil(from); second <= to; second += tick) {
            body.append(format("<path d=\"M%.1f %dv4\" stroke=\"%s\"/>\n", x(second), bottom, GREY));
            text(x(second), bottom + 17, "middle", GREY, second + " s");
        }
    }

    private double x(double seconds) {
        return LEFT + (RIGHT - LEFT) * (seconds - from) / (to - from);
    }

    private void bar(double x, int top, double width, int height, String colour) {
        body.append(format(
                "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
                x, top, width, height, colour));
    }

    private void area(int x, int top, int width, int height) {
        body.append(format(
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" fill-opacity=\".35\" stroke=\"%s\"/>\n",
                x, top, width, height, LEVEL, LEVEL));
    }

    private void text(double x, double at, String anchor, String colour, String words) {
        body.append(format(
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n",
                x, at, anchor, colour, words));
    }

    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }

    @Override
    public String toString() {
        int height = y + 6;
        return format(
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                                + "role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n",
                        WIDTH, height, WIDTH, height)
                + "<title>" + title + "</title>\n"
                + format(
                        "<rect x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"#ffffff\" "
                                + "stroke=\"%s\"/>\n",
                        WIDTH - 1, height - 1, LINE)
                + body + "</svg>\n";
    }
}
