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

/** Checks that the pictures are up to date and show what the chapters say about them. */
class PicturesTest {

    private static final long SECOND = 1_000_000;

    static List<Map.Entry<String, String>> pictures() {
        return List.copyOf(Pictures.all().entrySet());
    }

    /** Writes the pictures with {@code -Dguide.write=true}. */
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
    void bucketGrantsItsBurstAndThenRefilledPermits() {
        Run run = Pictures.overload();
        assertEquals(39, run.granted(SECOND, 3 * SECOND), "of 40, from the burst");
        assertEquals(20, run.granted(3 * SECOND, 5 * SECOND), "of 40, refilled");
        assertEquals(
                22,
                run.granted(7 * SECOND, 8 * SECOND),
                "of 25 in a quarter of a second, after a pause of two seconds");
    }

    @Test
    void fixedWindowGrantsTwiceItsLimitAroundAWindowEnd() {
        assertEquals(20, Pictures.aroundWindowEnd("10/10s fixed").granted(8 * SECOND, 12 * SECOND));
        assertEquals(10, Pictures.aroundWindowEnd("10/10s sliding").granted(8 * SECOND, 12 * SECOND));
        assertEquals(12, Pictures.aroundWindowEnd("10/10s").granted(8 * SECOND, 12 * SECOND));
        assertEquals(30, Pictures.aroundWindowEnd("10/10s fixed").granted());
        assertEquals(20, Pictures.aroundWindowEnd("10/10s sliding").granted());
        assertEquals(22, Pictures.aroundWindowEnd("10/10s").granted());
    }

    @Test
    void patientAndImpatientClientsGetTheSameNumber() {
        Run patient = Pictures.client(true);
        Run impatient = Pictures.client(false);
        assertEquals(impatient.granted(), patient.granted());
        assertEquals(11, patient.granted());
    }

    @Test
    void limitWithFewerPermitsDenies() {
        Run run = Pictures.eightASecond();
        assertEquals(20, run.granted(SECOND, 11 * SECOND));
    }

    @Test
    void slotOfADeadInstanceIsFreeAfterItsLease() {
        SlotHolders holders = new SlotHolders();
        assertEquals(
                List.of("A holds", "B holds", "C holds", "D denied", "E holds", "F denied", "G holds"),
                holders.outcomes());
        assertEquals(0, holders.free(12));
        assertEquals(1, holders.free(13));
    }
}
