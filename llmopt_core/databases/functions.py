"""Functions that queries may call, by dialect: what computes from its arguments alone.

Left out is what reads or writes files, settings, sessions, secrets, catalogues, sequences or locks, sleeps, loads code
or runs a text as a query. Names in lower case.
"""

from __future__ import annotations

_COMMON = """
abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling coalesce concat concat_ws cos cosh cot count cume_dist
current_date current_time current_timestamp degrees dense_rank exp extract first_value floor greatest ifnull lag
last_value lead least left length ln log log10 log2 lower lpad ltrim max median min mod nth_value ntile nullif
octet_length percent_rank pi position pow power radians rank replace right round row_number rpad rtrim sign sin sinh
sqrt string_agg substr substring sum tan tanh trim trunc upper cast try_cast random mode any_value stddev stddev_pop
stddev_samp var_pop var_samp variance corr covar_pop covar_samp grouping strpos ascii chr reverse repeat
"""
_SQLITE = """
char date datetime glob group_concat hex if iif instr json json_array json_array_length json_each json_error_position
json_extract json_group_array json_group_object json_insert json_object json_patch json_pretty json_quote json_remove
json_replace json_set json_tree json_type json_valid julianday like likelihood likely unlikely percentile
percentile_cont percentile_disc printf format quote regexp soundex strftime time timediff total typeof unhex unicode
unixepoch bm25 highlight snippet match generate_series subtype
"""
_DUCKDB = """
add age aggregate alias apply approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_min
arg_min_null argmax argmin array array_agg array_aggr array_aggregate array_append array_apply array_cat array_concat
array_contains array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct
array_dot_product array_extract array_filter array_grade_up array_has array_has_all array_has_any array_indexof
array_inner_product array_intersect array_length array_negative_dot_product array_negative_inner_product array_pop_back
array_pop_front array_position array_prepend array_push_back array_push_front array_reduce array_resize array_reverse
array_reverse_sort array_select array_slice array_sort array_to_json array_to_string array_transform array_unique
array_value array_where array_zip bar base64 bin bit_and bit_count bit_length bit_or bit_position bit_xor bitstring
bitstring_agg bool_and bool_or cardinality cbrt century char_length character_length columns combine contains count_if
count_star countif current_localtime current_localtimestamp damerau_levenshtein date date_add date_diff date_part
date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade
decode divide editdist3 element_at encode ends_with entropy enum_code enum_first enum_last enum_range
enum_range_boundary epoch epoch_ms epoch_ns epoch_us equi_width_bins era even every factorial favg fdiv fill filter
first flatten fmod format format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_binary from_hex
from_json from_json_strict fsum gamma gcd generate_series generate_subscripts gen_random_uuid geomean geometric_mean
get_bit get_current_time get_current_timestamp grade_up greatest_common_divisor group_concat hamming hash hex histogram
histogram_exact hour if instr isfinite isinf isnan isodow isoyear jaccard jaro_similarity jaro_winkler_similarity json
json_array json_array_length json_contains json_each json_exists json_extract json_extract_path json_extract_path_text
json_extract_string json_group_array json_group_object json_group_structure json_keys json_merge_patch json_object
json_pretty json_quote json_structure json_transform json_transform_strict json_tree json_type json_valid json_value
julian kahan_sum kurtosis kurtosis_pop last last_day lcase lcm least_common_multiple left_grapheme len length_grapheme
levenshtein lgamma list list_aggr list_aggregate list_any_value list_append list_apply list_approx_count_distinct
list_avg list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or list_cat list_concat list_contains
list_cosine_distance list_cosine_similarity list_count list_distance list_distinct list_dot_product list_element
list_entropy list_extract list_filter list_first list_grade_up list_has list_has_all list_has_any list_histogram
list_indexof list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last list_mad list_max list_median
list_min list_mode list_negative_dot_product list_negative_inner_product list_pack list_position list_prepend
list_product list_reduce list_resize list_reverse list_reverse_sort list_select list_sem list_skewness list_slice
list_sort list_stddev_pop list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop
list_var_samp list_where list_zip listagg localtime localtimestamp mad make_date make_time make_timestamp
make_timestamp_ms make_timestamp_ns make_timestamptz map map_concat map_contains map_contains_entry map_contains_value
map_entries map_extract map_extract_value map_from_entries map_keys map_values max_by md5 md5_number mean microsecond
millennium millisecond min_by minute mismatches month monthname multiply nanosecond nextafter nfc_normalize now ord
overlay parse_dirname parse_dirpath parse_filename parse_path prefix printf product quantile quantile_cont
quantile_disc quarter range rank_dense reduce regexp_escape regexp_extract regexp_extract_all regexp_full_match
regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept
regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile right_grapheme round_even roundbankers row row_to_json
second sem set_bit sha1 sha256 signbit skewness split split_part starts_with str_split str_split_regex strftime
string_split string_split_regex string_to_array strip_accents strlen strptime struct struct_concat struct_contains
struct_extract struct_extract_at struct_has struct_indexof struct_insert struct_keys struct_pack struct_position
struct_values substring_grapheme subtract suffix sumkahan time time_bucket timestamp timezone timezone_hour
timezone_minute to_base to_base64 to_binary to_centuries to_days to_decades to_hex to_hours to_json to_microseconds
to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
transaction_timestamp translate try_strptime typeof ucase unbin unhex unicode union_extract union_tag union_value
unnest unpivot_list url_decode url_encode uuid uuidv4 uuidv7 wavg week weekday weekofyear weighted_avg xor year
yearweek
"""
_POSTGRES = """
acosd age array array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims
array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper asind
atan2d atand bit_and bit_count bit_length bit_or bit_xor bool_and bool_or btrim cardinality cbrt char_length
character_length clock_timestamp convert_from convert_to cosd cotd date date_bin date_part date_trunc daterange decode
div encode enum_first enum_last enum_range erf erfc every factorial format gcd gen_random_uuid generate_series
generate_subscripts get_bit get_byte initcap int4range int8range isempty isfinite json_agg json_array
json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
json_each_text json_extract_path json_extract_path_text json_object json_object_agg json_object_keys json_strip_nulls
json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object
jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array
jsonb_path_query_first jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_typeof justify_days justify_hours
justify_interval lcm levenshtein localtime localtimestamp lower_inc lower_inf make_date make_interval make_time
make_timestamp make_timestamptz md5 min_scale normalize now num_nonnulls num_nulls numrange overlay parse_ident
percentile_cont percentile_disc phraseto_tsquery plainto_tsquery quote_ident quote_literal quote_nullable range_agg
range_merge regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy
regr_syy row row_to_json scale sha224 sha256 sha384 sha512 similarity sind soundex split_part starts_with
statement_timestamp string_to_array string_to_table tand timeofday timezone to_ascii to_char to_date to_hex to_json
to_jsonb to_number to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array trim_scale ts_headline
ts_rank ts_rank_cd tsrange tstzrange unaccent unistr unnest upper_inc upper_inf websearch_to_tsquery width_bucket
word_similarity xmlagg
"""
FUNCTIONS: dict[str, frozenset[str]] = {
    "sqlite": frozenset((_COMMON + _SQLITE).split()),
    "duckdb": frozenset((_COMMON + _DUCKDB).split()),
    "postgres": frozenset((_COMMON + _POSTGRES).split()),
}

# Words of the language and of types that an opening parenthesis may follow without a call.
_NO_CALLS = """
    all and any array as between bigint binary bit blob bool boolean bpchar by bytea case char character cross cube
    dec decimal default distinct double else end enum except exclude exists filter first float float4 float8 following
    from full glob group groups having ilike in inner int int2 int4 int8 integer intersect interval is isnull join
    lateral left like limit list map materialized minus national natural nchar not notnull null numeric nvarchar of
    offset on or order outer over partition precision preceding qualify range real recursive replace return right rollup
    row rows select semi sets similar smallint some string struct table tablesample text then time timestamp timestamptz
    timetz tinyint to tuple unbounded union unpivot using values varbinary varbit varchar varying when where window with
    within without xor zone anti asof positional bernoulli system reservoir pivot regexp match escape collate
"""
NO_CALLS = frozenset(_NO_CALLS.split())
