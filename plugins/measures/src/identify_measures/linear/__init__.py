"""The linear family: measures that need nothing but covariances and cross-products of two paired representations."""

from __future__ import annotations

from identify_measures.linear.functions import (
    angular_cka as angular_cka,
)
from identify_measures.linear.functions import (
    cca as cca,
)
from identify_measures.linear.functions import (
    cca_r2 as cca_r2,
)
from identify_measures.linear.functions import (
    debiased_cka as debiased_cka,
)
from identify_measures.linear.functions import (
    gulp as gulp,
)
from identify_measures.linear.functions import (
    linear_cka as linear_cka,
)
from identify_measures.linear.functions import (
    linear_r2 as linear_r2,
)
from identify_measures.linear.functions import (
    pearson_mcc as pearson_mcc,
)
from identify_measures.linear.functions import (
    pillai as pillai,
)
from identify_measures.linear.functions import (
    procrustes as procrustes,
)
from identify_measures.linear.functions import (
    procrustes_angular as procrustes_angular,
)
from identify_measures.linear.functions import (
    procrustes_disparity as procrustes_disparity,
)
from identify_measures.linear.functions import (
    procrustes_normalised as procrustes_normalised,
)
from identify_measures.linear.functions import (
    procrustes_similarity as procrustes_similarity,
)
from identify_measures.linear.functions import (
    pwcca as pwcca,
)
from identify_measures.linear.functions import (
    shape_metric as shape_metric,
)
from identify_measures.linear.functions import (
    svcca as svcca,
)
from identify_measures.linear.functions import (
    total_correlation as total_correlation,
)
from identify_measures.linear.functions import (
    weak_mcc as weak_mcc,
)
from identify_measures.linear.functions import (
    yanai as yanai,
)
