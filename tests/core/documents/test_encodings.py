import pytest

from llmopt_core.documents.load import load_bytes, load_documents
from llmopt_core.errors import BadInput

POLISH = "Umowa została zawarta w Krakowie. Sprzedający zobowiązuje się dostarczyć towar w ciągu dwóch tygodni."
CZECH = "Lhůta pro podání žádosti je třicet dnů ode dne doručení rozhodnutí. Poplatek činí pět set korun."
HUNGARIAN = (
    "A kérelmet harminc napon belül kell benyújtani. Az összeg ötezer forint, előre kell befizetni. Őszi szünet."
)
GREEK = "Το εισιτήριο κοστίζει είκοσι ευρώ και τα παιδιά πληρώνουν τα μισά."
TURKISH = "Müşteri siparişi iptal etmek isterse bize yazılı olarak bildirmelidir. Değişiklik yapıldığında bilgi verir."
LITHUANIAN = "Prašymas turi būti pateiktas per trisdešimt dienų. Mokestis yra penkiasdešimt eurų, sumokamas iš anksto."
LATVIAN = "Iesniegums jāiesniedz trīsdesmit dienu laikā. Bērni līdz desmit gadu vecumam bez maksas. Šķiņķis un ģimene."
ESTONIAN = "Sadam ehitati 1712. aastal, laev maksab kaks taalrit päevas. Šokolaad ja žürii on tõesti üle võrrelnud."
GERMAN = "Der Hafen wurde 1712 gebaut. Jedes Schiff zahlt täglich zwei Taler für den Liegeplatz. Größe prüft der Lotse."
FRENCH = "La sœur du capitaine paie deux écus à l'échevin pour un bœuf. Où était le phare brûlé de l'île ?"
HEBREW = "הבקשה תוגש תוך שלושים יום. האגרה היא חמישים שקלים ומשולמת מראש."
ARABIC = "يجب تقديم الطلب خلال ثلاثين يوما. الرسوم خمسون دينارا وتدفع مقدما."
THAI = "ต้องยื่นคำร้องภายในสามสิบวัน ค่าธรรมเนียมห้าร้อยบาทและชำระล่วงหน้า"
UKRAINIAN = "Заяву слід подати протягом тридцяти днів. Плата становить гривень. Її можна сплатити у місті."
JAPANESE = "日本の首都は東京です。人口は約千四百万人で、世界最大の都市圏の一つである。"
KOREAN = "부두는 저녁 일곱 시에 문을 닫습니다. 표는 현장에서만 살 수 있습니다."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(POLISH, "cp1250"), (POLISH, "iso8859-2"), (CZECH, "cp1250"), (CZECH, "iso8859-2"), (HUNGARIAN, "cp1250"),
     (GREEK, "cp1253"), (GREEK, "iso8859-7"), (TURKISH, "cp1254"), (LITHUANIAN, "cp1257"), (LATVIAN, "cp1257"),
     (ESTONIAN, "cp1257"), (ESTONIAN, "cp1252"), (ESTONIAN, "iso8859-15"), (GERMAN, "cp850"), (FRENCH, "iso8859-15"),
     (HEBREW, "cp1255"), (ARABIC, "cp1256"), (ARABIC, "iso8859-6"), (THAI, "cp874"), (UKRAINIAN, "koi8-u"),
     (JAPANESE, "euc_jp"), (JAPANESE, "shift_jis"), (JAPANESE, "iso2022_jp"),
     (KOREAN, "euc_kr"), (KOREAN, "iso2022_kr")],
)  # fmt: skip
def test_undeclared_encodings_are_recognised_and_told(text, encoding):
    document = load_bytes("a.txt", text.encode(encoding))[0]
    assert document.text == text
    assert document.warnings[0].startswith("Read as ")


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [("iso-8859-8-i", "iso8859-8", HEBREW), ("logical", "iso8859-8", HEBREW), ("ks_c_5601-1987", "cp949", KOREAN),
     ("euc-kr", "cp949", "똠방각하"), ("x-sjis", "cp932", "①髙い"), ("latin5", "cp1254", TURKISH),
     ("ISO-8859-1", "cp1252", "“€5”"), ("us-ascii", "cp1252", "“naïve”"), ("dos-874", "cp874", THAI),
     ("gb2312", "gb18030", "镕基"), ("x-mac-cyrillic", "mac-cyrillic", "Плата")],
)  # fmt: skip
@pytest.mark.parametrize("declared", ['<meta charset="{}">', '<?xml version="1.0" encoding="{}"?>',
                                      '<meta http-equiv="Content-Type" content="text/html; charset={}">'])  # fmt: skip
def test_declared_labels_mean_what_browsers_take_them_for(label, codec, text, declared):
    page = declared.format(label).encode() + f"<p>{text}</p>".encode(codec)
    assert load_bytes("a.html", page)[0].text == text


def test_the_user_names_the_encoding(tmp_path):
    data = "Größe;Łódź\n1;2\n".encode("cp1250")
    assert load_bytes("a.csv", data, encoding="windows-1250")[0].text == "Größe: 1\nŁódź: 2"
    (tmp_path / "a.txt").write_bytes("ąę".encode("cp1257"))
    (documents,) = load_documents([tmp_path / "a.txt"], encoding="cp1257")
    assert (documents.text, documents.warnings) == ("ąę", ())
    (line,) = load_bytes("a.jsonl", '{"text": "żółw"}'.encode("cp1250"), encoding="cp1250")
    assert line.text == "żółw"
    page = '<meta charset="utf-8"><p>żółw</p>'.encode("iso8859-2")
    assert load_bytes("a.html", page, encoding="latin2")[0].text == "żółw"


@pytest.mark.parametrize("name", ["cp1250", "CP-1250", "code page 1250", "windows 1250", "Windows-1250"])
def test_an_encoding_goes_by_many_names(name):
    assert load_bytes("a.txt", CZECH.encode("cp1250"), encoding=name)[0].text == CZECH


def test_the_named_encoding_reaches_large_files_and_archives():
    from .conftest import zip_bytes

    data = ("ąę " * 500_000).encode("cp1257")
    assert load_bytes("a.txt", data, encoding="cp1257")[0].text == "ąę " * 500_000
    assert load_bytes("a.zip", zip_bytes({"b.txt": "ąę".encode("cp1257")}), encoding="cp1257")[0].text == "ąę"


@pytest.mark.parametrize(
    ("encoding", "why"),
    [("klingon", "There is no encoding 'klingon': name one such as"), ("base64", "no encoding"),
     ("idna", "no encoding"),
     ("ütf", "no encoding"), ("utf-8", r"a\.txt is not in utf-8: \d+ characters cannot be read")],
)  # fmt: skip
def test_a_wrong_name_is_refused(encoding, why):
    with pytest.raises(BadInput, match=why):
        load_bytes("a.txt", GREEK.encode("cp1253"), encoding=encoding)


@pytest.mark.parametrize(
    "text",
    ["The author is Jan Pokorný and he works in a town. " + "This is plain English text about the library. " * 50,
     "Die Größe des Hafens überraschte alle. Müller öffnete die Tür, à la carte. Coração, déjà vu, señor, Århus.",
     "Molière wrote plays. " + "Plain words follow here in a long row of sentences. " * 30],
)  # fmt: skip
def test_western_text_with_few_or_many_accents_is_western(text):
    assert load_bytes("a.txt", text.encode("cp1252"))[0].text == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp852", "Příliš žluťoučký kůň úpěl ďábelské ódy. Přístav byl otevřen v roce 1887 a v zimě se zavírá."),
     ("iso8859-16", "Portul a fost deschis în anul 1887 și a fost închis din cauza gheții. Știința și învățământul.")],
)  # fmt: skip
def test_pages_that_few_use_are_still_known(encoding, text):
    assert load_bytes("a.txt", text.encode(encoding))[0].text == text
