package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import inet.ipaddr.IPAddress;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bits of addresses, compared with those that the library reads. */
class AddressBitsTest {

    @RepeatedTest(20)
    void bitsAreThoseOfLibraryInEveryNotation(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        for (int i = 0; i < 1_000; i++) {
            byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
            random.nextBytes(bytes);
            for (int zeros = random.nextInt(4); zeros > 0; zeros--) {
                int at = random.nextInt(bytes.length / 2) * 2;
                bytes[at] = 0;
                bytes[at + 1] = 0;
            }
            IPAddress address = Addresses.of(bytes);
            AddressBits expected = AddressBits.of(address);
            assertEquals(expected, AddressBits.of(address.toCanonicalString()), address.toCanonicalString());
            assertEquals(
                    expected,
                    AddressBits.of(address.toFullString()
                            .replaceFirst("^0+(?=\\d+\\.)", "")
                            .replaceAll("\\.0+(?=\\d)", ".")),
                    address.toFullString());
            for (int prefix : new int[] {16, 48, 56, 64}) {
                if (address.isIPv6()) {
                    IPAddress block =
                            Addresses.of(bytes).setPrefixLength(prefix, false).toPrefixBlock();
                    AddressBits first = AddressBits.of(Addresses.text(address, prefix));
                    assertEquals(AddressBits.of(block.getLower().withoutPrefixLength()), first);
                    assertEquals(
                            true, AddressRange.parse(block.toCanonicalString()).contains(expected));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "1.2.3",
                "1.2.3.4.5",
                "1.2.3.",
                ".1.2.3",
                "1..2.3",
                "256.1.1.1",
                "01.2.3.4",
                "1.2.3.4x",
                ":",
                ":::",
                "1::2::3",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "12345::",
                "g::",
                "1:2:3:4:5:6:7:8::",
                "::1:2:3:4:5:6:7:8",
                "1:",
                ":1",
                "1:2:3:4:5:6:7:8:",
                "1::2:",
                ":/64",
                "unknown",
                "/64",
                "٣.1.1.1",
                "-1.2.3.4"
            })
    void textThatIsNotAnAddressHasNoBits(String text) {
        assertNull(AddressBits.of(text));
    }
}
