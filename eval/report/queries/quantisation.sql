SELECT verdict, penalised_difference, penalised_low, penalised_high, penalised_margin, penalised_p,
       common_difference, common_low, common_high, common_margin, common_p,
       validity_difference, validity_low, validity_high, validity_margin, validity_p,
       n_common, n_used, n_total, n_missing
FROM quantisation_tax
WHERE evaluation_id = :evaluation_id
