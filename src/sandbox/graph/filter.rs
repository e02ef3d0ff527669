//! Reads `$filter` and decides what it keeps; whatever the directory would not answer is refused.

use std::borrow::Cow;

use uuid::Uuid;

use super::error::Refusal;
use crate::sandbox::text::lower;

/// The directory refuses a disjunction of more clauses than this.
const CLAUSES: usize = 15;
/// Nesting beyond this is refused, so that a hostile filter cannot exhaust the stack.
const DEPTH: usize = 50;

/// Names the parts of a collection's elements; a part without a name is the element itself.
pub(super) type Parts = &'static [(&'static str, Type)];

/// Says what may be compared with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
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
pub(super) enum Field<'a> {
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
pub(super) trait Kind {
    /// Names the kind, as `User` or `Group`.
    const NAME: &'static str;
    /// Finds a property; the number is handed back to [`Object::field`].
    fn property(name: &str) -> Option<(usize, Type)>;
}

/// Is one object that a filter looks at.
pub(super) trait Object {
    /// Gives a property that is not a collection.
    fn field(&self, property: usize) -> Field<'_>;
    /// Gives the elements of a collection: for each, its parts in the order of the collection's type.
    fn elements(&self, property: usize) -> Vec<Vec<Field<'_>>>;
}

/// Is a filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    root: Node,
    /// Whether it needs the headers of an advanced query.
    pub(super) advanced: bool,
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
    pub(super) fn read<K: Kind>(text: &str) -> Result<Self, Refusal> {
        let tokens = tokens(text)?;
        let mut reader = Reader {
            tokens: &tokens,
            at: 0,
            advanced: false,
            depth: 0,
            resolve: &K::property,
            name: K::NAME,
        };
        let root = reader.or(None)?;
        if reader.at < tokens.len() {
            return Err(syntax(format!("unexpected text at token {}", reader.at + 1)));
        }
        Ok(Self { root, advanced: reader.advanced })
    }

    /// Says whether an object is kept.
    pub(super) fn keeps(&self, object: &impl Object) -> bool {
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

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Colon,
    /// A name, a path or an operator.
    Word(String),
    /// Text between quotes, with doubled quotes made single.
    Quoted(String),
}

fn syntax(what: impl AsRef<str>) -> Refusal {
    Refusal::odata(format!("Invalid filter clause: {}.", what.as_ref()))
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        tokens.push(match char {
            ' ' | '\t' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match rest.next() {
                        Some('\'') if rest.peek() == Some(&'\'') => {
                            rest.next();
                            quoted.push('\'');
                        }
                        Some('\'') => break,
                        Some(char) => quoted.push(char),
                        None => return Err(syntax("there is an unterminated string literal")),
                    }
                }
                Token::Quoted(quoted)
            }
            char if char.is_ascii_alphanumeric() || "_$@.-/#".contains(char) => {
                let mut word = String::from(char);
                while let Some(char) =
                    rest.next_if(|char| char.is_ascii_alphanumeric() || "_$@.-/#".contains(*char))
                {
                    word.push(char);
                }
                Token::Word(word)
            }
            other => return Err(syntax(format!("unexpected character '{other}'"))),
        });
    }
    Ok(tokens)
}

/// Is the variable of an `any`, with the parts that it offers.
#[derive(Clone, Copy)]
struct Variable<'a> {
    name: &'a str,
    parts: Parts,
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    advanced: bool,
    depth: usize,
    resolve: &'a dyn Fn(&str) -> Option<(usize, Type)>,
    name: &'static str,
}

impl<'a> Reader<'a> {
    fn or(&mut self, variable: Option<Variable<'a>>) -> Result<Node, Refusal> {
        let mut nodes = vec![self.and(variable)?];
        while self.word("or") {
            nodes.push(self.and(variable)?);
        }
        if nodes.len() > CLAUSES {
            return Err(Refusal::query(format!(
                "Too many child clauses specified in search filter expression containing 'OR' operators: {}. Max \
                 allowed: {CLAUSES}.",
                nodes.len()
            )));
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Or(nodes) })
    }

    fn and(&mut self, variable: Option<Variable<'a>>) -> Result<Node, Refusal> {
        let mut nodes = vec![self.unary(variable)?];
        while self.word("and") {
            nodes.push(self.unary(variable)?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::And(nodes) })
    }

    fn unary(&mut self, variable: Option<Variable<'a>>) -> Result<Node, Refusal> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(syntax("it is nested too deeply"));
        }
        let node = if self.word("not") {
            self.advanced = true;
            Node::Not(Box::new(self.unary(variable)?))
        } else if self.eat(&Token::Open) {
            let node = self.or(variable)?;
            self.expect(&Token::Close)?;
            node
        } else {
            self.clause(variable)?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn clause(&mut self, variable: Option<Variable<'a>>) -> Result<Node, Refusal> {
        let word = self.path()?;
        let called = self.tokens.get(self.at) == Some(&Token::Open);
        match word.to_ascii_lowercase().as_str() {
            "startswith" | "endswith" if called => {
                let ends = word.len() == "endsWith".len();
                self.expect(&Token::Open)?;
                let path = self.path()?;
                let (property, _) = self.find(path, variable, &[Type::Text])?;
                self.expect(&Token::Comma)?;
                let Some(Token::Quoted(text)) = self.next() else {
                    return Err(syntax("a function needs text in quotes"));
                };
                let text = lower(text).into_owned();
                self.expect(&Token::Close)?;
                self.advanced |= ends;
                Ok(Node::Is(property, if ends { Test::Ends(text) } else { Test::Starts(text) }))
            }
            _ => match word.strip_suffix("/any").or_else(|| word.strip_suffix("/$count")) {
                Some(collection) if called => self.any(collection, variable),
                Some(collection) if word.ends_with("/$count") => self.count(collection),
                _ if called => Err(Refusal::query(format!("The function '{word}' is not supported."))),
                _ => self.comparison(word, variable),
            },
        }
    }

    fn any(&mut self, collection: &'a str, variable: Option<Variable<'a>>) -> Result<Node, Refusal> {
        if variable.is_some() {
            return Err(Refusal::query("Nested 'any' is not supported."));
        }
        let (property, parts) = self.collection(collection)?;
        self.advanced |= collection == "assignedPlans";
        self.expect(&Token::Open)?;
        if self.eat(&Token::Close) {
            return Ok(Node::Any(property, None));
        }
        let name = self.path()?;
        self.expect(&Token::Colon)?;
        let inner = self.or(Some(Variable { name, parts }))?;
        self.expect(&Token::Close)?;
        Ok(Node::Any(property, Some(Box::new(inner))))
    }

    fn count(&mut self, collection: &str) -> Result<Node, Refusal> {
        self.advanced = true;
        let (property, _) = self.collection(collection)?;
        let comparison = self.operator()?.ok_or_else(|| syntax("a count cannot be 'in' a list"))?;
        match self.literal()? {
            Literal::Number(wanted) => Ok(Node::Count(property, comparison, wanted)),
            Literal::Null | Literal::Text(_) | Literal::Bool(_) | Literal::Guid(_) => {
                Err(syntax("a count is compared with a number"))
            }
        }
    }

    fn comparison(&mut self, path: &str, variable: Option<Variable<'a>>) -> Result<Node, Refusal> {
        let (property, kind) = self.find(path, variable, &[Type::Text, Type::Bool, Type::Guid])?;
        let Some(comparison) = self.operator()? else {
            self.expect(&Token::Open)?;
            let mut literals = Vec::new();
            loop {
                let literal = self.literal()?;
                literals.push(fit(literal, kind, path)?);
                if !self.eat(&Token::Comma) {
                    break;
                }
            }
            self.expect(&Token::Close)?;
            if literals.len() > CLAUSES {
                return Err(Refusal::query(format!(
                    "Too many values in the 'in' list of '{path}': max {CLAUSES}."
                )));
            }
            return Ok(Node::Is(property, Test::In(literals)));
        };
        let literal = fit(self.literal()?, kind, path)?;
        match comparison {
            Comparison::Equal => {}
            Comparison::Unequal => self.advanced = true,
            Comparison::AtLeast | Comparison::AtMost if matches!(literal, Literal::Text(_)) => {}
            Comparison::AtLeast | Comparison::AtMost => {
                return Err(Refusal::query(format!("'{path}' cannot be ordered.")));
            }
        }
        Ok(Node::Is(property, Test::Compare(comparison, literal)))
    }

    /// Reads a comparison; `None` for `in`.
    fn operator(&mut self) -> Result<Option<Comparison>, Refusal> {
        let word = self.path()?;
        match word.to_ascii_lowercase().as_str() {
            "eq" => Ok(Some(Comparison::Equal)),
            "ne" => Ok(Some(Comparison::Unequal)),
            "ge" => Ok(Some(Comparison::AtLeast)),
            "le" => Ok(Some(Comparison::AtMost)),
            "in" => Ok(None),
            "gt" | "lt" | "has" => Err(Refusal::query(format!("The operator '{word}' is not supported."))),
            _ => Err(syntax(format!("'{word}' is not an operator"))),
        }
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        match self.next() {
            Some(Token::Quoted(text)) => Ok(Literal::Text(lower(text).into_owned())),
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Ok(Literal::Bool(true)),
                "false" => Ok(Literal::Bool(false)),
                "null" => Ok(Literal::Null),
                _ => match (word.parse(), Uuid::try_parse(word)) {
                    (Ok(number), _) => Ok(Literal::Number(number)),
                    (Err(_), Ok(guid)) => Ok(Literal::Guid(guid)),
                    (Err(_), Err(_)) => {
                        Err(syntax(format!("'{word}' is not a value; text stands in quotes")))
                    }
                },
            },
            Some(Token::Open | Token::Close | Token::Comma | Token::Colon) | None => {
                Err(syntax("a value is missing"))
            }
        }
    }

    /// Finds a property, or a part of the variable's element.
    fn find(
        &self,
        path: &str,
        variable: Option<Variable<'a>>,
        accepted: &[Type],
    ) -> Result<(usize, Type), Refusal> {
        let found = match variable {
            None => (self.resolve)(path),
            Some(Variable { name, parts }) => {
                let part = if path == name {
                    Some("")
                } else {
                    path.strip_prefix(name).and_then(|part| part.strip_prefix('/'))
                };
                part.and_then(|part| {
                    let at = parts.iter().position(|(known, _)| *known == part)?;
                    Some((at, parts[at].1))
                })
            }
        };
        match found {
            Some((property, kind)) if accepted.contains(&kind) => Ok((property, kind)),
            Some(_) => Err(self.unsupported(path)),
            None => Err(syntax(format!(
                "could not find a property named '{path}' on type 'microsoft.graph.{}'",
                self.name.to_ascii_lowercase()
            ))),
        }
    }

    fn collection(&self, path: &str) -> Result<(usize, Parts), Refusal> {
        match (self.resolve)(path) {
            Some((property, Type::Collection(parts))) => Ok((property, parts)),
            Some((_, Type::Text | Type::Bool | Type::Guid | Type::Opaque)) => Err(self.unsupported(path)),
            None => Err(syntax(format!("could not find a collection named '{path}'"))),
        }
    }

    fn unsupported(&self, path: &str) -> Refusal {
        Refusal::query(format!(
            "Unsupported or invalid query filter clause specified for property '{path}' of resource '{}'.",
            self.name
        ))
    }

    fn path(&mut self) -> Result<&'a str, Refusal> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Open | Token::Close | Token::Comma | Token::Colon | Token::Quoted(_)) | None => {
                Err(syntax("a name is missing"))
            }
        }
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    fn eat(&mut self, wanted: &Token) -> bool {
        let there = self.tokens.get(self.at) == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, wanted: &str) -> bool {
        let there =
            matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), Refusal> {
        if self.eat(wanted) {
            Ok(())
        } else {
            Err(syntax(format!("expected {wanted:?} at token {}", self.at + 1)))
        }
    }
}

/// Brings a constant to the type of its property; a misfit is refused.
fn fit(literal: Literal, kind: Type, path: &str) -> Result<Literal, Refusal> {
    match (kind, literal) {
        (_, Literal::Null) => Ok(Literal::Null),
        (Type::Text, Literal::Text(text)) => Ok(Literal::Text(text)),
        (Type::Bool, Literal::Bool(bool)) => Ok(Literal::Bool(bool)),
        (Type::Guid, Literal::Guid(guid)) => Ok(Literal::Guid(guid)),
        (Type::Guid, Literal::Text(text)) => match Uuid::try_parse(&text) {
            Ok(guid) => Ok(Literal::Guid(guid)),
            Err(_) => Err(Refusal::bad(format!("Invalid object identifier '{text}'."))),
        },
        _ => Err(syntax(format!("a value of '{path}' has an incompatible type"))),
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
