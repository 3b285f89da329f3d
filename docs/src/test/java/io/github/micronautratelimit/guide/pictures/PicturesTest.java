package io.github.micronautratelimit.guide.pictures;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The pictures are what is drawn, and show what the chapters say of them. */
class PicturesTest {

    private static final long SECOND = 1_000_000;

    static List<Map.Entry<String, String>> pictures() {
        return List.copyOf(Pictures.all().entrySet());
    }

    /** With {@code -Dguide.write=true} they are drawn anew. */
    @ParameterizedTest
    @MethodSource("pictures")
    void picturesAreDrawnFromRuns(Map.Entry<String, String> picture) throws IOException {
        Path file = Path.of("images", picture.getKey());
        if (Boolean.getBoolean("guide.write")) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, picture.getValue());
        }
        assertEquals(picture.getValue(), Files.readString(file));
    }

    @Test
    void aBucketGrantsItsBurstAndThenWhatComesBack() {
        Run run = Pictures.overload();
        assertEquals(39, run.granted(SECOND, 3 * SECOND), "of 40, as long as the burst lasts");
        assertEquals(20, run.granted(3 * SECOND, 5 * SECOND), "of 40, what comes back");
        assertEquals(22, run.granted(7 * SECOND, 8 * SECOND), "of 25 in a quarter of a second, after two seconds' pause");
    }

    @Test
    void aFixedWindowGrantsTwiceItsLimitAroundABorder() {
        assertEquals(20, Pictures.aroundTheBorder("10/10s fixed").granted(8 * SECOND, 12 * SECOND));
        assertEquals(10, Pictures.aroundTheBorder("10/10s sliding").granted(8 * SECOND, 12 * SECOND));
        assertEquals(12, Pictures.aroundTheBorder("10/10s").granted(8 * SECOND, 12 * SECOND));
        assertEquals(30, Pictures.aroundTheBorder("10/10s fixed").granted());
        assertEquals(20, Pictures.aroundTheBorder("10/10s sliding").granted());
        assertEquals(22, Pictures.aroundTheBorder("10/10s").granted());
    }

    @Test
    void whoWaitsIsGrantedAsMuchAsWhoHammers() {
        Run patient = Pictures.client(true);
        Run impatient = Pictures.client(false);
        assertEquals(impatient.granted(), patient.granted());
        assertEquals(11, patient.granted());
    }

    @Test
    void ofTwoLimitsTheOneWithFewerPermitsDenies() {
        Run run = Pictures.eightASecond();
        assertEquals(20, run.granted(SECOND, 11 * SECOND));
    }

    @Test
    void aPlaceOfADeadInstanceComesFreeWhenItsLeaseIsOver() {
        Visitors visitors = new Visitors();
        assertEquals(List.of("A holds", "B holds", "C holds", "D denied", "E holds", "F denied", "G holds"),
                visitors.outcomes());
        assertEquals(0, visitors.free(12));
        assertEquals(1, visitors.free(13));
    }
}
