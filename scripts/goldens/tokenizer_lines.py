"""Texts for the tokenizer goldens: something to train small vocabularies on, and lines to encode."""

import random

SUBJECTS = ["red fox", "sleepy cat", "golden dragon", "neon teapot", "giant robot", "blue rocket",
            "tiny hedgehog", "wooden lighthouse", "astronaut riding a horse", "bowl of ramen"]
STYLES = ["oil painting", "watercolor", "line drawing", "3D emoji", "flat icon", "low-poly render",
          "photograph", "pencil sketch", "stained glass window", "pixel art sprite"]
ENDINGS = ["", ", highly detailed, 8k", ", white background", " in the style of Van Gogh",
           ", isometric, soft shadows", "; 35mm f/1.8", " (masterpiece:1.3), [lowres]"]

LANGUAGES = [
    "Ein kleiner Fuchs läuft über die grüne Wiese, und der Bär schläft.",
    "Straße, Größe, ÄÖÜ äöü ß ẞ",
    "Le garçon mange une crêpe à l'hôtel, déjà vu, œuvre, cœur.",
    "El niño pequeño soñó con un pingüino. ¿Dónde está? ¡Aquí!",
    "O coração não é só um músculo; pão e maçã.",
    "Zażółć gęślą jaźń, łódź i ćma.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Ağaçlarda çığlık: İstanbul, ISPARTA, ığdır, şişli.",
    "Việt Nam: một con mèo đỏ ngồi trên ghế.",
    "Ёжик и ёлка под снегом, большая ЛИСА.",
    "Ґанок, їжак, єнот і щастя.",
    "Η γρήγορη αλεπού· ΟΔΥΣΣΕΥΣ και Άνθρωπος, Σίσυφος.",
    "שָׁלוֹם עולם, חתול אדום קטן",
    "قطة صغيرة حمراء، ٢٠٢٤ سنة؟ مَرْحَبًا",
    "एक छोटी लाल लोमड़ी। नमस्ते दुनिया १२३",
    "একটি ছোট লাল শিয়াল",
    "ஒரு சிறிய சிவப்பு நரி",
    "สวัสดีชาวโลก แมวตัวเล็ก",
    "一只红色的小狐狸,在雪地里。",
    "龍と狐のイラスト、カタカナ ﾊﾝｶｸ ひらがな。",
    "빨간 여우 한 마리가 눈 위에 있다.",
    "\u1112\u1161\u11ab\u1100\u1173\u11af jamo of \ud55c\uae00",
    "ქართული ᲥᲐᲠᲗᲣᲚᲘ",
    "Հայերեն լեզու",
    "ᏣᎳᎩ ꮳꮃꭹ",
    "አማርኛ ፊደል ፩፪፫",
]

CONTRACTIONS = [
    "I'm sure it's John's; they'll've said we'd don't, you're, he'D, CAN'T", "O'Neill's 'tis rock'n'roll",
    "''s 's's's ' s 'sail 're-do 'll 'lla 'd'd", "don\u2019t use \u2018curly\u2019 quotes", "'ve''m'", "x's'",
]

NUMBERS = [
    "1 12 123 1234567890 3.14159 1,000,000 1e-5 50% $9.99 #1", "2nd 3rd 10x10 1920x1080 v2.0-beta",
    "\u00bd \u00b2 \u2160\u2161 \u2468 \u0662\u0663 \u0967\u0968 \u3007\u3021 \u4e00\u4e8c \U0001d7d9\U0001d7da \u216b\u2182",
]

MARKS = [
    "e\u0301 \u00e9 caf\u00e9 cafe\u0301 CAFE\u0301", "A\u030a \u212b \u00c5", "\u1e9b\u0323 s\u0323\u0307 s\u0307\u0323",
    "\u0301", " \u0301\u0300", "a\u0327\u0301\u0323 a\u0301\u0323\u0327", "\u0915\u093c \u0958", "\u0344 \u0374 \u037e \u1fee",
    "\u1100\u1161\u11a8 \uac01 \uac00\u11a8", "\u0130 i\u0307 I\u0307 \u0131 I", "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324a",
    "\u01c4 \u01c5 \u01c6 \ufb01 \ufb00 \uff21\uff22 \u2126 \u212a", "\u03a3\u03a3 \u03c3\u03c2 \u03f4 \u03b8 \u1e9e",
    "\u0fb2\u0f71\u0f80 \u0f71\u0f74", "\U0001d15e \U0001d157\U0001d165", "\u0b47\u0b56 \u11938 \U00011938 \U00011935\U00011930",
    "u\u0308\u0304 \u01d6 \u1ee9 u\u031b\u0301", "\u0f73 \u2adc \u0958\u0301",
]

SPACES = [
    "", " ", "\t\n\r\v\f", "  two  spaces  ", "tab\there\nnewline\r\ncrlf", "non\u00a0breaking\u2003em\u3000ideographic",
    "zero\u200bwidth\u200cjoin\u200der\ufeffbom\u2060word", "\u2028line\u2029para\u0085nel\u1680ogham\u180emongol\u202f\u205f",
    "soft\u00adhyphen", "\u001ffile\u001esep",
]

CONTROLS = [
    "\x00", "a\x00b", "\x01\x02\x7f\x80\x9f", "bell\x07 esc\x1b[31m", "\ufffd \ufffe \uffff \ufdd0", "\U0010ffff \U000e0001 \ue000 \U000f0000",
    "\u202eright to left\u202c \u2066iso\u2069", "\u0890\u08e2 \U000110cd \U00013430\U00013431",
]

EMOJI = [
    "\U0001f600\U0001f680 fire\U0001f525!", "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family", "\U0001f3f3\ufe0f\u200d\U0001f308\U0001f44d\U0001f3fd",
    "\U0001f1e9\U0001f1ea\U0001f1ef\U0001f1f5", "1\ufe0f\u20e3 #\ufe0f\u20e3 \u2764\ufe0f \u263a", "cat\U0001f431cat",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]

SYMBOLS = [
    "~`!@#$%^&*()_+-=[]{}\\|;:'\",.<>/?", "!!! ??? ... --- ___ ***", "a!b@c#d$e%f^g&h*i(j)k_l+m=n", "\u00a1\u00bf\u00ab\u00bb\u2013\u2014\u2026\u2030\u2032\u20ac\u00a3\u00a5\u20bf",
    "x\u00b2 + y\u00b2 \u2264 \u221e \u2211 \u222b \u2202 \u2208 \u2205", "\u3001\u3002\uff01\uff1f\u300c\u300d\uff5e\u30fb", "<b>bold</b> &amp; &lt;tag&gt;",
    "https://example.org/path?q=1&r=%20#frag user@example.org", "C:\\dir\\file.txt /usr/bin ../x", "snake_case camelCase kebab-case SCREAMING_CASE",
    "\u3007\u3021\u2e80 \u2f00 \uf900 \ufa2f \u3400 \u4dbf \U00020000 \U0002b820 \U0002b91f \U0002b920 \U0002f800", "\u0c77 \u166d \u1b7d \u2e43 \u2e52 \u061d \U00012ff1",
    "\u1c89\u1c8a \ua7cb \ua7dc \U00010d50 \U00016ea0 \U000105c0 \U0002ebf0 \U00010d40", "\u1734 \u07fd \u0898 \u180f \U00011c30",
]

LONG = [
    "a" * 99, "b" * 100, "c" * 101, "\u00e9" * 100, "e\u0301" * 60, "pneumonoultramicroscopicsilicovolcanoconiosis",
    "antidisestablishmentarianism " * 8, "very " * 90 + "long", "ab" * 300, "!" * 200, "1" * 90, "\u72d0" * 80, "\U0001f525" * 50, "x" * 1000,
]

SPECIAL = [
    "<|startoftext|>", "<|endoftext|>", "a<|endoftext|>b", "<|startoftext|>hello<|endoftext|>", "<|STARTOFTEXT|>", "<|EndOfText|> x",
    "!<|startoftext|>!", "<|endoftext|><|endoftext|>", "<|endoftext", "|endoftext|>", "< |endoftext| >", "e<|endoftext|>\u0301",
    " <|endoftext|> \u0301", "'<|startoftext|>'s", "[CLS] a [SEP] b [MASK] c [PAD] d [UNK]", "[cls][sep][mask]", "a[SEP]b[sep]", "[[MASK]]", "[MASK]\u0301",
    "[ MASK ]", "##ing ## #", "\u0130<|endoftext|>\u0130", "<|startoftext|>'s<|startoftext|>!!", "hello! wow!! a ! b !\u0301", "!",
    "<style> <Style> x<style>y <style>", "fox token foxtoken tokenfox token. TOKEN Token \u00e9token token\u00e9", "tok tokenizer tok\u0301",
    "caf\u00e9 cafe\u0301 CAF\u00c9",
]


def prompts():
    lines = [f"a {style} of a {subject}{ENDINGS[(i + j) % len(ENDINGS)]}"
             for i, style in enumerate(STYLES) for j, subject in enumerate(SUBJECTS)]
    return lines


def random_lines(count, seed):
    """Strings of code points that rarely meet: the order of the steps shows in them."""
    rng = random.Random(seed)
    families = [
        "abcdefghij", "ABCXYZ", "0123456789", " \t\u00a0\u2009", ".,!?'-#<|>[]", "\u00e9\u00fc\u00f1\u00c9\u00df\u0130",
        "\u0301\u0308\u0323\u0327\u0300\u0345\u05b0\u064b\u3099", "\u03b1\u03a3\u03c2\u0388", "\u0434\u0436\u0419", "\u0628\u062a\u0631",
        "\u4e00\u72d0\u3400", "\u30ab\u30fb\u3042\u30ab\u3099", "\u1100\u1161\u11a8\uac00", "\U0001f525\U0001f3fd\ufe0f\u200d", "\u0915\u093c\u094d",
    ]
    lines = []
    for _ in range(count):
        chosen = rng.sample(families, rng.randint(1, 6))
        lines.append("".join(rng.choice(rng.choice(chosen)) for _ in range(rng.randint(1, 40))))
    for _ in range(count // 3):
        points = (rng.randrange(0x10000 if rng.random() < 0.7 else 0x30000) for _ in range(30))
        lines.append("".join(chr(c) for c in points if not 0xD800 <= c < 0xE000))
    return lines


def training_text():
    words = prompts() + LANGUAGES * 3 + CONTRACTIONS + EMOJI * 2 + SYMBOLS
    return words + [line.upper() for line in LANGUAGES]


def golden_lines():
    odd = (CONTRACTIONS + NUMBERS + MARKS + SPACES + CONTROLS + EMOJI + SYMBOLS + LONG + SPECIAL)
    return odd + LANGUAGES + [line.upper() for line in LANGUAGES] + prompts()[::2] + random_lines(120, 7)


def special_lines():
    return SPECIAL + SPACES + MARKS + LANGUAGES[:12] + random_lines(30, 11)
