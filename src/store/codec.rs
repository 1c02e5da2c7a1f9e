//! How the words of the domain travel to PostgreSQL and back, so that `domain` need not know of it.

use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{
        PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef, types::Oid,
    },
};

use crate::domain::{
    ApiTokenId, ArticleId, ConceptId, DecisionId, DeliveryId, DeskChangeId, EditionId, FeedId,
    KeywordId, NoteId, OpmlImportId, RecipientId, SampleId, SavedFilterId, SessionId, SourceId,
    StoryId, SubscriptionId, Timestamp, TrialId, UserId, WantedPageId,
};

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// `timestamptz` and its array in every PostgreSQL (`pg_type.dat`): by name, each connection would ask for them first.
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

/// An instant as PostgreSQL counts it.
pub(super) fn postgres_micros(at: Timestamp) -> i64 {
    at.as_micros() - POSTGRES_EPOCH_MICROS
}

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for Timestamp {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(postgres_micros(*self), buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => {
                let micros = <i64 as Decode<Postgres>>::decode(value)?;
                Ok(Self::from_micros(
                    micros.saturating_add(POSTGRES_EPOCH_MICROS),
                ))
            }
            PgValueFormat::Text => {
                let text = value.as_str()?.replacen(' ', "T", 1);
                Ok(Self::from_jiff(text.parse()?))
            }
        }
    }
}

macro_rules! id_codec {
    ($($name:ident),*) => {$(
        impl Type<Postgres> for $name {
            fn type_info() -> PgTypeInfo {
                <i64 as Type<Postgres>>::type_info()
            }
        }

        impl PgHasArrayType for $name {
            fn array_type_info() -> PgTypeInfo {
                <i64 as PgHasArrayType>::array_type_info()
            }
        }

        impl Encode<'_, Postgres> for $name {
            fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                Encode::<Postgres>::encode(self.get(), buffer)
            }
        }

        impl<'r> Decode<'r, Postgres> for $name {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(Self::new(<i64 as Decode<Postgres>>::decode(value)?))
            }
        }
    )*};
}

id_codec!(
    SourceId,
    FeedId,
    ArticleId,
    KeywordId,
    ConceptId,
    UserId,
    SessionId,
    ApiTokenId,
    StoryId,
    DecisionId,
    DeskChangeId,
    NoteId,
    SavedFilterId,
    TrialId,
    OpmlImportId,
    SampleId,
    SubscriptionId,
    EditionId,
    RecipientId,
    DeliveryId,
    WantedPageId
);
