//! Reads the text of a `$filter`.

use uuid::Uuid;

use super::{Comparison, Literal, Node, Parts, Refusal, Test, Type};
use crate::sandbox::text::lower;

/// The directory refuses a disjunction of more clauses than this.
const CLAUSES: usize = 15;
/// Nesting beyond this is refused, so that a hostile filter cannot exhaust the stack.
const DEPTH: usize = 50;

/// Finds a property of the kind of object that is filtered.
type Resolve<'a> = &'a dyn Fn(&str) -> Option<(usize, Type)>;

/// Reads a filter, and says whether it needs the headers of an advanced query.
pub(super) fn filter(text: &str, name: &'static str, resolve: Resolve<'_>) -> Result<(Node, bool), Refusal> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: &tokens, at: 0, advanced: false, depth: 0, resolve, name };
    let root = reader.or(None)?;
    if reader.at < tokens.len() {
        return Err(syntax(format!("unexpected text at token {}", reader.at + 1)));
    }
    Ok((root, reader.advanced))
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
    resolve: Resolve<'a>,
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
