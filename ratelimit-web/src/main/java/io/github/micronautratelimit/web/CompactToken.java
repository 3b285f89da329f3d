package io.github.micronautratelimit.web;

/**
 * Finds one spelling for all spellings of a JSON Web Token in compact form (RFC 7515, RFC 7516). Servers accept a token
 * with padding, with the other alphabet of base64, with characters between that are not base64, and with any value in
 * the bits that the last character of a part does not need. Each of these would be another key.
 */
final class CompactToken {

    private static final String ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    private static final int PARTS_OF_SIGNED = 3;
    private static final int PARTS_OF_ENCRYPTED = 5;
    /** The index of the first character of a part that begins with a brace, and the least index of the second one. */
    private static final int FIRST_OF_BRACE = ALPHABET.indexOf('e');

    private static final int LEAST_SECOND_OF_BRACE = ALPHABET.indexOf('w');

    private CompactToken() {}

    /** Returns the token as RFC 7515 writes it; the text itself if it is not a token whose header is a JSON object. */
    static String canonical(String text) {
        if (text.indexOf('.') < 0 || !isToken(text)) {
            return text;
        }
        StringBuilder token = new StringBuilder(text.length());
        int start = 0;
        while (start <= text.length()) {
            int dot = text.indexOf('.', start);
            int end = dot < 0 ? text.length() : dot;
            appendPart(token, text, start, end);
            if (dot >= 0) {
                token.append('.');
            }
            start = end + 1;
        }
        return token.toString();
    }

    private static boolean isToken(String text) {
        long parts = 1 + text.chars().filter(c -> c == '.').count();
        if (parts != PARTS_OF_SIGNED && parts != PARTS_OF_ENCRYPTED) {
            return false;
        }
        int[] start = text.substring(0, text.indexOf('.'))
                .chars()
                .map(CompactToken::index)
                .filter(index -> index >= 0)
                .limit(2)
                .toArray();
        return start.length == 2 && start[0] == FIRST_OF_BRACE && start[1] >= LEAST_SECOND_OF_BRACE;
    }

    private static void appendPart(StringBuilder token, String text, int start, int end) {
        int before = token.length();
        for (int i = start; i < end; i++) {
            int index = index(text.charAt(i));
            if (index >= 0) {
                token.append(ALPHABET.charAt(index));
            }
        }
        int last = token.length() - 1;
        switch ((token.length() - before) % 4) {
            case 1 -> token.setLength(last);
            case 2 -> token.setCharAt(last, withoutBits(token.charAt(last), 4));
            case 3 -> token.setCharAt(last, withoutBits(token.charAt(last), 2));
            default -> {
                // Every bit is needed.
            }
        }
    }

    private static char withoutBits(char c, int bits) {
        return ALPHABET.charAt(ALPHABET.indexOf(c) >> bits << bits);
    }

    private static int index(int c) {
        return ALPHABET.indexOf(c == '+' ? '-' : c == '/' ? '_' : c);
    }
}
