"""Phase 17: an embedding, compressed by the recipes of every other model, still finds what it found."""

import pytest

from pipeline.measure.compression import size_share
from pipeline.measure.ranking import cosine, first_found, ndcg_loss

pytestmark = pytest.mark.usefixtures("embedding_here")


@pytest.mark.claim("embedding.int8_ndcg")
def test_int8_finds_what_the_original_finds(check, found):
    check(ndcg_loss(found("original"), found("int8")))


@pytest.mark.claim("embedding.int8_cosine")
def test_int8_points_where_the_original_does(check, found):
    check(cosine(found("original"), found("int8")))


@pytest.mark.claim("embedding.int8_size")
def test_int8_is_small(check, embedding_subjects):
    check(size_share(*embedding_subjects))


def test_what_is_found_beside_the_targets(check, found):
    check.observe("embedding.first", "questions whose first document is right", "首个结果正确的问题比例", "17 embeddings",
                  first_found(found("original")))
