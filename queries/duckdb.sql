-- What DuckDB needs before it can run the same views and rules as the engine: our functions as macros, and the
-- calendars. The caller loads `parameters` from parameters.csv, runs tables.sql, creates the views, then asks.
--
-- Every function returns null for a null argument. name_agreement is also null when either name has no word, and
-- citizenship_change when either list names no state.

SET TimeZone = 'UTC';
SET default_null_order = 'nulls_last';
-- DuckDB 2.0 copies a step that it inlines by writing it out and reading it back, which fails where one call of least or greatest takes two
-- columns of one name.
SET disabled_optimizers = 'cte_inlining';

-- what DataFusion calls otherwise
CREATE MACRO btrim(s) AS trim(s), (s, letters) AS trim(s, letters);
CREATE MACRO array_element(l, n) AS l[CAST(n AS BIGINT)];
-- a place or a count may be a sum, which has 128 bits there
CREATE MACRO substr(s, a) AS substring(s, CAST(a AS BIGINT)), (s, a, n) AS substring(s, CAST(a AS BIGINT), CAST(n AS BIGINT));
CREATE MACRO add_months(d, n) AS CAST(CAST(d AS DATE) + to_months(CAST(n AS INTEGER)) AS DATE);
CREATE MACRO month_of(d) AS CAST(date_trunc('month', CAST(d AS DATE)) AS DATE);
CREATE MACRO agi_complete(d) AS
    CAST(date_trunc('month', CAST(d AS DATE)) AS TIMESTAMP) + INTERVAL '2 months' + INTERVAL '6 days';
CREATE MACRO severity(n) AS
    CASE WHEN n IS NULL THEN NULL WHEN n <= 0 THEN 'info' WHEN n = 1 THEN 'weak' WHEN n = 2 THEN 'medium' ELSE 'strong' END;
CREATE MACRO severity_rank(s) AS
    CAST(CASE s WHEN 'info' THEN 0 WHEN 'weak' THEN 1 WHEN 'medium' THEN 2 WHEN 'strong' THEN 3 END AS BIGINT);
-- names: made from the tables in src/sql/functions/names.rs by its tests, which print them when they differ
CREATE MACRO name_plain(s) AS lower(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(translate(nfc_normalize(s),
    'ªºſﺀﺁﺂﺃﺄﺅﺆﺇﺈﺉﺊﺋﺌﺍﺎﺏﺐﺑﺒﺓﺔﺕﺖﺗﺘﺙﺚﺛﺜﺝﺞﺟﺠﺡﺢﺣﺤﺥﺦﺧﺨﺩﺪﺫﺬﺭﺮﺯﺰﺱﺲﺳﺴﺵﺶﺷﺸﺹﺺﺻﺼﺽﺾﺿﻀﻁﻂﻃﻄﻅﻆﻇﻈﻉﻊﻋﻌﻍﻎﻏﻐﻑﻒﻓﻔﻕﻖﻗﻘﻙﻚﻛﻜﻝﻞﻟﻠﻡﻢﻣﻤﻥﻦﻧﻨﻩﻪﻫﻬﻭﻮﻯﻰﻱﻲﻳﻴ！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～',
    'aosءآآأأؤؤإإئئئئااببببةةتتتتثثثثججججححححخخخخددذذررززسسسسششششصصصصضضضضططططظظظظععععغغغغففففققققككككللللممممننننههههووىىيييي!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~'),
    'Ĳ', 'IJ'), 'ĳ', 'ij'), 'Ŀ', 'L·'), 'ŀ', 'l·'), 'ŉ', 'ʼn'), 'Ǆ', 'DŽ'),
    'ǅ', 'Dž'), 'ǆ', 'dž'), 'Ǉ', 'LJ'), 'ǈ', 'Lj'), 'ǉ', 'lj'), 'Ǌ', 'NJ'),
    'ǋ', 'Nj'), 'ǌ', 'nj'), 'Ǳ', 'DZ'), 'ǲ', 'Dz'), 'ǳ', 'dz'), 'ﬀ', 'ff'),
    'ﬁ', 'fi'), 'ﬂ', 'fl'), 'ﬃ', 'ffi'), 'ﬄ', 'ffl'), 'ﬅ', 'st'), 'ﬆ', 'st'),
    'ﷲ', 'الله'), 'ﻵ', 'لآ'), 'ﻶ', 'لآ'), 'ﻷ', 'لأ'), 'ﻸ', 'لأ'), 'ﻹ', 'لإ'),
    'ﻺ', 'لإ'), 'ﻻ', 'لا'), 'ﻼ', 'لا'));
CREATE MACRO name_letters(s, r) AS regexp_replace(regexp_replace(regexp_replace(regexp_replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(translate(strip_accents(replace(replace(replace(replace(replace(replace(CASE WHEN r = 4 THEN regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(name_plain(s), '(^|[ -])є', '\1ye', 'g'), '(^|[ -])ї', '\1yi', 'g'), '(^|[ -])й', '\1y', 'g'), '(^|[ -])ю', '\1yu', 'g'), '(^|[ -])я', '\1ya', 'g')
    ELSE name_plain(s) END,
    'й', 'i'), 'ё', ['e', 'io', 'e', 'e', 'e', 'e', 'e'][r + 1]), 'ї', 'i'), 'ў', 'u'), 'ѓ', ['g', 'g', 'g', 'g', 'g', 'gj', 'g'][r + 1]), 'ќ', ['k', 'k', 'k', 'k', 'k', 'kj', 'k'][r + 1])),
    'ðđħıłŋŧɓɗɛǥɣɨĸƙɔʉƴабвґдђезіјклмнопрстћһуѫфыэѵςٱىیېکةۃھہەьـ''’‘`´′·ʹʺʻʼʽʾʿˈ' || chr(173) || chr(8203) || chr(8204) || chr(8205) || chr(8206) || chr(8207) || chr(8234) || chr(8235) || chr(8236) || chr(8237) || chr(8238) || chr(8288) || chr(8294) || chr(8295) || chr(8296) || chr(8297) || chr(65279),
    'ddhilntbdeggikkouyabvgddezijklmnoprstccuufyeyσايييكههههه'),
    'æ', 'ae'), 'ø', 'oe'), 'þ', 'th'), 'ß', 'ss'), 'œ', 'oe'), 'ə', ['a', 'e', 'e', 'e', 'e', 'e', 'e'][r + 1]),
    'ǝ', ['a', 'e', 'e', 'e', 'e', 'e', 'e'][r + 1]), 'г', ['g', 'h', 'g', 'h', 'h', 'g', 'g'][r + 1]), 'ғ', ['g', 'g', 'g', 'g', 'g', 'gj', 'g'][r + 1]), 'є', 'ie'), 'ж', ['zh', 'zh', 'zh', 'z', 'zh', 'zh', 'z'][r + 1]), 'ѕ', 'dz'),
    'и', ['i', 'i', 'i', 'i', 'y', 'i', 'i'][r + 1]), 'љ', 'lj'), 'њ', 'nj'), 'х', ['kh', 'kh', 'kh', 'h', 'kh', 'h', 'h'][r + 1]), 'ц', ['ts', 'ts', 'ts', 'c', 'ts', 'c', 'c'][r + 1]), 'ч', ['ch', 'ch', 'ch', 'c', 'ch', 'ch', 'c'][r + 1]),
    'џ', ['dz', 'dz', 'dz', 'dz', 'dz', 'dj', 'dz'][r + 1]), 'ш', ['sh', 'sh', 'sh', 's', 'sh', 'sh', 's'][r + 1]), 'щ', ['shch', 'shch', 'sht', 'shch', 'shch', 'shch', 'shch'][r + 1]), 'ъ', 'ie'), 'ю', 'iu'), 'я', 'ia'), 'xx', '', 'g'), 'a[ae]+', 'a', 'g'), 'oe+', 'o', 'g'), 'ue+', 'u', 'g');
CREATE MACRO name_words(s, r) AS list_distinct(regexp_extract_all(name_letters(s, r), '[a-z\x{100}-\x{5ff}\x{620}-\x{65f}\x{66e}-\x{6d3}\x{6d5}-\x{6ef}\x{6fa}-\x{1fff}\x{2c00}-\x{2dff}\x{3040}-\x{d7ff}\x{f900}-\x{fdff}\x{fe70}-\x{fefc}\x{10000}-\x{1efff}]+'));
CREATE MACRO name_sounds(w) AS translate(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(translate(regexp_replace(regexp_replace(w, '^ال(..)', '\1'), '^al(...)', '\1'), 'بپتثجچحخدذرزژسشصضطظغفڤقكگلمنهٹڈڑںټډړږښځڅګڭڼاءعويۍےۓ', 'bpttgshhddrzzsssdtzgfvkkglmnhtdrntdrzszsggn'), 'xdz', 'd'), 'xta', ''), 'xc', 's'), 'kh', 'h'), 'sh', 's'), 'ch', 's'), 'th', 't'), 'dh', 'd'), 'gh', 'g'), 'ph', 'f'), 'zh', 'z'), 'jqcaeiouwyx', 'gkk');
CREATE MACRO name_consonants(l) AS list_distinct(list_filter(list_transform(list_transform(l, lambda w: name_sounds(w)),
    lambda w: regexp_replace(array_to_string(list_filter(string_split(w, ''), lambda c, i: i = 1 OR c <> w[i - 1]), ''), 'h$', '')),
    lambda w: w <> ''));
CREATE MACRO name_has(l, letters) AS regexp_matches(array_to_string(l, ' '), letters);
CREATE MACRO names_shared(a, b) AS
    CASE WHEN len(a) = 0 OR len(b) = 0 THEN NULL
         WHEN len(list_intersect(a, b)) = least(len(a), len(b)) THEN 2
         WHEN len(list_intersect(a, b)) > 0 THEN 1 ELSE 0 END;
CREATE MACRO names_best(a, b) AS
    CASE WHEN name_has(name_words(a, 0), '[\x{620}-\x{65f}\x{66e}-\x{6d3}\x{6d5}-\x{6ef}\x{6fa}-\x{6ff}\x{750}-\x{77f}]') = name_has(name_words(b, 0), '[\x{620}-\x{65f}\x{66e}-\x{6d3}\x{6d5}-\x{6ef}\x{6fa}-\x{6ff}\x{750}-\x{77f}]')
         THEN list_max(list_transform(range(CASE WHEN regexp_matches(concat(a, b), '[\x{400}-\x{4ff}ƏəƎǝ]') THEN 7 ELSE 1 END), lambda r: names_shared(name_words(a, r), name_words(b, r))))
         ELSE names_shared(name_consonants(name_words(a, 0)), name_consonants(name_words(b, 0))) END;
CREATE MACRO name_agreement(a, b) AS
    CASE WHEN a IS NULL OR b IS NULL OR len(name_words(a, 0)) = 0 OR len(name_words(b, 0)) = 0 THEN NULL
         WHEN a = b THEN 'same'
         WHEN coalesce(names_best(a, b), -1) = 2 THEN 'same'
         WHEN names_best(a, b) IS NULL OR name_has(name_words(a, 0) || name_words(b, 0), '[\x{100}-\x{5ff}\x{700}-\x{74f}\x{780}-\x{1fff}\x{2c00}-\x{2dff}\x{3040}-\x{d7ff}\x{f900}-\x{fdff}\x{fe70}-\x{fefc}\x{10000}-\x{1efff}]') THEN 'script'
         WHEN names_best(a, b) = 1 THEN 'part' ELSE 'none' END;
-- states: the first two from the list in src/sql/functions/states.rs, which a test holds equal
CREATE MACRO followers(c) AS CASE c
    WHEN 'AFI' THEN ['DJI']
    WHEN 'ANT' THEN ['ABW', 'BES', 'CUW', 'NLD', 'SXM']
    WHEN 'ATB' THEN ['ATA']
    WHEN 'ATN' THEN ['ATA']
    WHEN 'BUR' THEN ['MMR']
    WHEN 'BYS' THEN ['BLR']
    WHEN 'CSK' THEN ['CZE', 'SVK']
    WHEN 'CTE' THEN ['KIR']
    WHEN 'DDR' THEN ['DEU']
    WHEN 'DHY' THEN ['BEN']
    WHEN 'FXX' THEN ['FRA']
    WHEN 'GEL' THEN ['KIR', 'TUV']
    WHEN 'HVO' THEN ['BFA']
    WHEN 'JTN' THEN ['UMI']
    WHEN 'MID' THEN ['UMI']
    WHEN 'NHB' THEN ['VUT']
    WHEN 'NTZ' THEN ['IRQ', 'SAU']
    WHEN 'PCI' THEN ['FSM', 'MHL', 'MNP', 'PLW']
    WHEN 'PCZ' THEN ['PAN']
    WHEN 'PUS' THEN ['UMI']
    WHEN 'RHO' THEN ['ZWE']
    WHEN 'RKS' THEN ['XKX']
    WHEN 'ROM' THEN ['ROU']
    WHEN 'SCG' THEN ['MNE', 'RKS', 'SRB', 'XKK', 'XKX']
    WHEN 'SKM' THEN ['IND']
    WHEN 'SUN' THEN ['ARM', 'AZE', 'BLR', 'BYS', 'EST', 'GEO', 'KAZ', 'KGZ', 'LTU', 'LVA', 'MDA', 'RUS', 'TJK', 'TKM', 'UKR', 'UZB']
    WHEN 'TMP' THEN ['TLS']
    WHEN 'VDR' THEN ['VNM']
    WHEN 'WAK' THEN ['UMI']
    WHEN 'XKK' THEN ['XKX']
    WHEN 'YMD' THEN ['YEM']
    WHEN 'YUG' THEN ['BIH', 'HRV', 'MKD', 'MNE', 'RKS', 'SCG', 'SRB', 'SVN', 'XKK', 'XKX']
    WHEN 'ZAR' THEN ['COD']
    ELSE [] END;
CREATE MACRO is_state(c) AS c NOT IN ('XXA', 'XXB', 'XXC', 'XXX', 'UNK');
CREATE MACRO same_state(a, b) AS
    CASE WHEN a IS NULL OR b IS NULL THEN NULL
         WHEN NOT is_state(a) OR NOT is_state(b) THEN 0
         WHEN a = b THEN 2
         WHEN list_contains(followers(a), b) THEN CASE WHEN len(followers(a)) = 1 THEN 2 ELSE 1 END
         WHEN list_contains(followers(b), a) THEN CASE WHEN len(followers(b)) = 1 THEN 2 ELSE 1 END
         ELSE 0 END;
CREATE MACRO has_citizenship(l, c) AS
    CASE WHEN l IS NULL OR c IS NULL THEN NULL ELSE len(list_filter(l, lambda held: same_state(held, c) > 0)) > 0 END;
CREATE MACRO states_of(l) AS list_filter(l, lambda code: is_state(code));
CREATE MACRO states_missing(a, b) AS len(list_filter(states_of(a), lambda one: NOT has_citizenship(b, one))) > 0;
CREATE MACRO citizenship_change(now, before) AS
    CASE WHEN now IS NULL OR before IS NULL OR len(states_of(now)) = 0 OR len(states_of(before)) = 0 THEN NULL
         WHEN states_missing(before, now) THEN 'lost'
         WHEN states_missing(now, before) THEN 'added'
         ELSE 'same' END;
-- lower median and lower median of the absolute deviations from it; aggregates, also as windows
-- (DuckDB allows one aggregate, and no other macro around it, in a macro that is used as a window)
CREATE MACRO median_low(x) AS quantile_disc(x, 0.5);
CREATE MACRO mad_low(x) AS list_transform([list(x) FILTER (WHERE x IS NOT NULL)],
    lambda l: list_sort(list_transform(l, lambda v: abs(v - list_sort(l)[(len(l) + 1) // 2])))[(len(l) + 1) // 2])[1];
-- references of records and lists of them, with commas between: each once and in order; null is left out, null of none
-- (DuckDB has no functions of any number of arguments)
CREATE MACRO references_of(l) AS 
    nullif(array_to_string(list_sort(list_distinct(list_filter(string_split(l, ','), lambda v: v <> ''))), ','), '');
CREATE MACRO records
    (r1) AS references_of(concat_ws(',', r1)),
    (r1, r2) AS references_of(concat_ws(',', r1, r2)),
    (r1, r2, r3) AS references_of(concat_ws(',', r1, r2, r3)),
    (r1, r2, r3, r4) AS references_of(concat_ws(',', r1, r2, r3, r4)),
    (r1, r2, r3, r4, r5) AS references_of(concat_ws(',', r1, r2, r3, r4, r5)),
    (r1, r2, r3, r4, r5, r6) AS references_of(concat_ws(',', r1, r2, r3, r4, r5, r6)),
    (r1, r2, r3, r4, r5, r6, r7) AS references_of(concat_ws(',', r1, r2, r3, r4, r5, r6, r7)),
    (r1, r2, r3, r4, r5, r6, r7, r8) AS references_of(concat_ws(',', r1, r2, r3, r4, r5, r6, r7, r8)),
    (r1, r2, r3, r4, r5, r6, r7, r8, r9) AS references_of(concat_ws(',', r1, r2, r3, r4, r5, r6, r7, r8, r9)),
    (r1, r2, r3, r4, r5, r6, r7, r8, r9, r10) AS references_of(concat_ws(',', r1, r2, r3, r4, r5, r6, r7, r8, r9, r10));
CREATE MACRO records_of(x) AS
    nullif(array_to_string(list_sort(list_distinct(list_filter(string_split(string_agg(x, ','), ','), lambda v: v <> ''))), ','), '');
-- P(rate > rate_bp / 10000) under Beta(a + k, b + n - k) in whole basis points: the binomial sum of NIST DLMF 8.17.5
CREATE MACRO binomial_log(trials, successes, p) AS
    lgamma(trials + 1) - lgamma(successes + 1) - lgamma(trials - successes + 1) + successes * ln(p) + (trials - successes) * ln(1 - p);
CREATE MACRO beta_tail_bp(k, n, a, b, rate_bp) AS
    CASE WHEN k < 0 OR k > n OR a < 1 OR b < 1 OR a + b + n > 1000000 OR rate_bp < 0 OR rate_bp > 10000 THEN NULL
         WHEN k + n + a + b + rate_bp IS NULL THEN NULL
         WHEN rate_bp = 0 THEN 10000
         WHEN rate_bp = 10000 THEN 0
         ELSE least(9999, CAST(floor(1e-6 + 10000 * list_sum(list_transform(range(CAST(a + k AS BIGINT)),
              lambda j: exp(binomial_log(a + b + n - 1, j, rate_bp / 10000))))) AS BIGINT)) END;

CREATE TABLE months AS
SELECT CAST(m AS DATE) AS month, CAST(m + INTERVAL '1 month' AS DATE) AS next_month, agi_complete(CAST(m AS DATE)) AS complete_at
FROM range(TIMESTAMP '2015-01-01', TIMESTAMP '2061-01-01', INTERVAL '1 month') AS r(m);

CREATE TABLE days AS
SELECT CAST(d AS DATE) AS day
FROM range(TIMESTAMP '2015-01-01', TIMESTAMP '2061-01-01', INTERVAL '1 day') AS r(d);
