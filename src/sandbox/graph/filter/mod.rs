//! Decides what a `$filter` keeps; whatever the directory would not answer is refused.

mod read;

use std::borrow::Cow;

use uuid::Uuid;

use super::error::Refusal;
use crate::sandbox::text::lower;

/// Names the parts of a collection's elements; a part without a name is the element itself.
pub(in crate::sandbox::graph) type Parts = &'static [(&'static str, Type)];

/// Says what may be compared with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox::graph) enum Type {
    Text,
    Bool,
    Guid,
    /// Can be selected, not compared.
    Opaque,
    /// Can be asked with `any`; its parts are compared.
    Collection(Parts),
}

/// Is the value of a property of one object.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox::graph) enum Field<'a> {
    Null,
    Text(&'a str),
    /// A mail address, seen as `SMTP:…`.
    Smtp(&'a str),
    Bool(bool),
    Guid(Uuid),
}

impl<'a> Field<'a> {
    /// Gives text folded for comparison.
    fn folded(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(lower(text)),
            Self::Smtp(mail) => Some(format!("smtp:{}", lower(mail)).into()),
            Self::Null | Self::Bool(_) | Self::Guid(_) => None,
        }
    }
}

/// Is one kind of object: the properties by which it can be filtered.
pub(in crate::sandbox::graph) trait Kind {
    /// Names the kind, as `User` or `Group`.
    const NAME: &'static str;
    /// Finds a property; the number is handed back to [`Object::field`].
    fn property(name: &str) -> Option<(usize, Type)>;
}

/// Is one object that a filter looks at.
pub(in crate::sandbox::graph) trait Object {
    /// Gives a property that is not a collection.
    fn field(&self, property: usize) -> Field<'_>;
    /// Gives the elements of a collection: for each, its parts in the order of the collection's type.
    fn elements(&self, property: usize) -> Vec<Vec<Field<'_>>>;
}

/// Is a filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sandbox::graph) struct Filter {
    root: Node,
    /// Whether it needs the headers of an advanced query.
    pub(in crate::sandbox::graph) advanced: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Is(usize, Test),
    /// Over a collection: inside, properties count the parts of an element.
    Any(usize, Option<Box<Self>>),
    /// `collection/$count`.
    Count(usize, Comparison, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    AtLeast,
    AtMost,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Compare(Comparison, Literal),
    In(Vec<Literal>),
    Starts(String),
    Ends(String),
}

/// Is a constant; text is folded already.
#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Text(String),
    Bool(bool),
    Guid(Uuid),
    Number(usize),
}

impl Filter {
    /// Reads a filter over one kind of object.
    pub(in crate::sandbox::graph) fn read<K: Kind>(text: &str) -> Result<Self, Refusal> {
        let (root, advanced) = read::filter(text, K::NAME, &K::property)?;
        Ok(Self { root, advanced })
    }

    /// Says whether an object is kept.
    pub(in crate::sandbox::graph) fn keeps(&self, object: &impl Object) -> bool {
        keeps(&self.root, object)
    }
}

fn keeps(node: &Node, object: &impl Object) -> bool {
    match node {
        Node::And(all) => all.iter().all(|node| keeps(node, object)),
        Node::Or(any) => any.iter().any(|node| keeps(node, object)),
        Node::Not(node) => !keeps(node, object),
        Node::Is(property, test) => holds(test, object.field(*property)),
        Node::Any(property, None) => !object.elements(*property).is_empty(),
        Node::Any(property, Some(inner)) => {
            object.elements(*property).into_iter().any(|element| keeps(inner, &Element(element)))
        }
        Node::Count(property, comparison, wanted) => {
            let count = object.elements(*property).len();
            match comparison {
                Comparison::Equal => count == *wanted,
                Comparison::Unequal => count != *wanted,
                Comparison::AtLeast => count >= *wanted,
                Comparison::AtMost => count <= *wanted,
            }
        }
    }
}

/// Is one element of a collection, seen as an object of its own.
struct Element<'a>(Vec<Field<'a>>);

impl Object for Element<'_> {
    fn field(&self, property: usize) -> Field<'_> {
        self.0.get(property).copied().unwrap_or(Field::Null)
    }

    fn elements(&self, _: usize) -> Vec<Vec<Field<'_>>> {
        Vec::new()
    }
}

fn holds(test: &Test, value: Field<'_>) -> bool {
    let folds = |ok: &dyn Fn(&str) -> bool| value.folded().is_some_and(|text| ok(&text));
    match test {
        Test::Compare(Comparison::Equal, literal) => equal(literal, value),
        Test::Compare(Comparison::Unequal, literal) => !equal(literal, value),
        Test::Compare(Comparison::AtLeast, Literal::Text(bound)) => folds(&|text| text >= bound.as_str()),
        Test::Compare(Comparison::AtMost, Literal::Text(bound)) => folds(&|text| text <= bound.as_str()),
        Test::Compare(Comparison::AtLeast | Comparison::AtMost, _) => false,
        Test::In(literals) => literals.iter().any(|literal| equal(literal, value)),
        Test::Starts(start) => folds(&|text| text.starts_with(start)),
        Test::Ends(end) => folds(&|text| text.ends_with(end)),
    }
}

fn equal(literal: &Literal, field: Field<'_>) -> bool {
    match (literal, field) {
        (Literal::Null, Field::Null) => true,
        (Literal::Text(wanted), text) => text.folded().is_some_and(|text| text == wanted.as_str()),
        (Literal::Bool(wanted), Field::Bool(bool)) => *wanted == bool,
        (Literal::Guid(wanted), Field::Guid(guid)) => *wanted == guid,
        (Literal::Null | Literal::Bool(_) | Literal::Guid(_) | Literal::Number(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Toy;
    const TAGS: Parts = &[("skuId", Type::Guid), ("status", Type::Text)];

    impl Kind for Toy {
        const NAME: &'static str = "User";
        fn property(name: &str) -> Option<(usize, Type)> {
            Some(match name {
                "department" => (0, Type::Text),
                "accountEnabled" => (1, Type::Bool),
                "id" => (2, Type::Guid),
                "mail" => (3, Type::Text),
                "assignedLicenses" => (4, Type::Collection(TAGS)),
                "licenseAssignmentStates" => (5, Type::Opaque),
                _ => return None,
            })
        }
    }

    impl Object for Toy {
        fn field(&self, property: usize) -> Field<'_> {
            [Field::Text("Köln Sales"), Field::Bool(true), Field::Guid(Uuid::from_u128(7)), Field::Null]
                [property]
        }
        fn elements(&self, _: usize) -> Vec<Vec<Field<'_>>> {
            vec![vec![Field::Guid(Uuid::from_u128(9)), Field::Text("Enabled")]]
        }
    }

    fn kept(text: &str) -> bool {
        Filter::read::<Toy>(text).unwrap_or_else(|refusal| panic!("{text}: {}", refusal.message)).keeps(&Toy)
    }

    #[test]
    fn text_is_compared_without_regard_to_case() {
        assert!(kept("department eq 'KÖLN sales'"));
        assert!(kept("startsWith(department,'köln')"));
        assert!(kept("endswith(department, 'SALES')"));
        assert!(kept("department in ('x', 'köln sales')"));
        assert!(kept("department ge 'k' and department le 'l'"));
        assert!(!kept("department eq 'Sales'"));
    }

    #[test]
    fn logic_binds_as_odata_says() {
        assert!(kept("accountEnabled eq true or department eq 'x' and department eq 'y'"));
        assert!(!kept("(accountEnabled eq true or department eq 'x') and department eq 'y'"));
        assert!(kept("not(department eq 'x')"));
        assert!(kept("not startsWith(department,'x') and mail eq null"));
        assert!(kept("mail ne 'a@b'"));
        assert!(kept("id eq '00000000-0000-0000-0000-000000000007'"));
        assert!(kept("id eq 00000000-0000-0000-0000-000000000007"));
    }

    #[test]
    fn any_looks_at_one_element_at_a_time() {
        let sku = "00000000-0000-0000-0000-000000000009";
        assert!(kept(&format!("assignedLicenses/any(x:x/skuId eq {sku} and x/status eq 'enabled')")));
        assert!(!kept(&format!("assignedLicenses/any(x:x/skuId eq {sku} and x/status eq 'Deleted')")));
        assert!(kept("assignedLicenses/any()"));
        assert!(kept("assignedLicenses/$count ne 0"));
        assert!(!kept("assignedLicenses/$count eq 0"));
    }

    #[test]
    fn some_filters_are_advanced() {
        let advanced = |text: &str| Filter::read::<Toy>(text).expect("the filter is sound").advanced;
        for text in
            ["mail ne null", "not(mail eq null)", "endsWith(mail,'x')", "assignedLicenses/$count ne 0"]
        {
            assert!(advanced(text), "{text}");
        }
        for text in ["mail eq null", "startsWith(mail,'x')", "assignedLicenses/any(x:x/status eq 'a')"] {
            assert!(!advanced(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, code) in [
            ("licenseAssignmentStates eq 'x'", "Request_UnsupportedQuery"),
            ("department gt 'a'", "Request_UnsupportedQuery"),
            ("contains(department,'a')", "Request_UnsupportedQuery"),
            ("deportment eq 'a'", "BadRequest"),
            ("department eq Sales", "BadRequest"),
            ("department eq 'Sales", "BadRequest"),
            ("department eq 'a' department", "BadRequest"),
            ("accountEnabled eq 'true'", "BadRequest"),
            ("assignedLicenses/any(x:y/skuId eq 'a')", "BadRequest"),
            ("assignedLicenses/all(x:x/status eq 'a')", "Request_UnsupportedQuery"),
            ("id eq 'nobody'", "Request_BadRequest"),
            ("", "BadRequest"),
        ] {
            let refusal = Filter::read::<Toy>(text).expect_err(text);
            assert_eq!((refusal.status, refusal.code), (400, code), "{text}: {}", refusal.message);
        }
        let long = vec!["department eq 'a'"; 16].join(" or ");
        assert_eq!(Filter::read::<Toy>(&long).expect_err("16 clauses").code, "Request_UnsupportedQuery");
        assert!(Filter::read::<Toy>(&"(".repeat(10_000)).is_err());
        assert!(Filter::read::<Toy>(&"not ".repeat(10_000)).is_err());
    }
}
