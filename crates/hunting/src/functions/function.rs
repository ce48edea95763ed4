//! The bridge from a kernel to DataFusion: one scalar function type for all of KQL's functions.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use bartizan_kql::bound::StringOp;
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::call::{Argument, Call};
use super::dynamic_path::Walk;
use crate::given_up::GivenUp;
use crate::types::data_type;

/// What computes a function on one batch.
pub(crate) type Kernel = Arc<dyn Fn(&Call) -> Result<ArrayRef> + Send + Sync>;

/// A KQL function with settled argument types.
pub(crate) struct KqlFunction {
    name: String,
    /// What the kernel holds besides its name: two functions are equal when name, identity and types are.
    identity: String,
    arg_types: Vec<Type>,
    returns: Type,
    signature: Signature,
    kernel: Kernel,
    known: Known,
}

/// What planning knows of a call besides what it computes.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// What it may become once its arguments are known better.
    pub(crate) rewrite: Option<Rewrite>,
    /// Of a call that gives null where its arguments do not pass a test: the same without the test, and the test.
    pub(crate) untested: Option<Untested>,
    /// What the first argument meets when the call is true.
    pub(crate) condition: Option<TextCondition>,
    /// The walk into the only argument that the call is.
    pub(crate) walk: Option<Walk>,
}

/// What the first argument, a text, meets when a test is true: what storage may leave rows out by.
#[derive(Debug, Clone)]
pub(crate) struct TextCondition {
    /// How the text is tested; never by a regular expression.
    pub(crate) op: StringOp,
    /// For what.
    pub(crate) patterns: Vec<String>,
    /// Whether it passes for all patterns, or for any.
    pub(crate) all: bool,
    /// Whether the case of letters counts.
    pub(crate) case_sensitive: bool,
}

impl TextCondition {
    /// That a text passes for one of the patterns.
    pub(crate) const fn any(op: StringOp, case_sensitive: bool, patterns: Vec<String>) -> Self {
        Self {
            op,
            patterns,
            all: false,
            case_sensitive,
        }
    }
}

/// Of the arguments of a call that gives null where they do not pass a test: the test, and what gives the same as the call
/// where they pass it and anything where they do not.
pub(crate) type Untested = Arc<dyn Fn(&[Expr]) -> Option<(Expr, Expr)> + Send + Sync>;

/// What does the same as a call with these arguments, and costs less; none when there is nothing.
pub(crate) type Rewrite = Arc<dyn Fn(&[Expr]) -> Option<Expr> + Send + Sync>;

impl KqlFunction {
    /// As [`Self::call`], with what is known of the call.
    pub(crate) fn call_with(
        name: &str,
        identity: String,
        kernel: Kernel,
        known: Known,
        args: Vec<(Expr, Type)>,
        returns: Type,
    ) -> Expr {
        let effects = (kernel, known);
        Self::build(
            name,
            identity,
            effects,
            args,
            returns,
            Volatility::Immutable,
        )
    }

    /// The test of a call's arguments, and what it may be replaced with where they pass; none for most functions.
    pub(crate) fn untested(expr: &Expr) -> Option<(Expr, Expr)> {
        let (function, args) = Self::of(expr)?;
        function.known.untested.as_ref()?(args)
    }

    /// A test of a text, with what it says to storage. Which texts the condition is about is settled by name and identity.
    pub(crate) fn text_test(
        name: &str,
        identity: String,
        kernel: Kernel,
        args: Vec<(Expr, Type)>,
        condition: Option<TextCondition>,
    ) -> Expr {
        let known = Known {
            condition,
            ..Known::default()
        };
        Self::call_with(name, identity, kernel, known, args, Type::Bool)
    }

    /// What the first argument meets when this is true; none when nothing is known.
    pub(crate) const fn text_condition(&self) -> Option<&TextCondition> {
        self.known.condition.as_ref()
    }

    /// The function of a call and its arguments, when the expression is a call of one of this kind.
    pub(crate) fn of(expr: &Expr) -> Option<(&Self, &[Expr])> {
        let Expr::ScalarFunction(call) = expr else {
            return None;
        };
        let function = call.func.inner().downcast_ref::<Self>()?;
        Some((function, &call.args))
    }

    /// The walk that a call is, and what it goes into.
    pub(crate) fn walk(expr: &Expr) -> Option<(&Walk, &Expr)> {
        let (function, args) = Self::of(expr)?;
        Some((function.known.walk.as_ref()?, args.first()?))
    }

    /// The type of the first argument.
    pub(crate) fn first_type(&self) -> Option<Type> {
        self.arg_types.first().copied()
    }

    /// A call of a function whose result depends on its arguments alone.
    pub(crate) fn call(
        name: &str,
        identity: String,
        kernel: Kernel,
        args: Vec<(Expr, Type)>,
        returns: Type,
    ) -> Expr {
        Self::call_with(name, identity, kernel, Known::default(), args, returns)
    }

    /// As [`Self::call`], for functions such as `rand()` that differ from row to row.
    pub(crate) fn call_volatile(
        name: &str,
        kernel: Kernel,
        args: Vec<(Expr, Type)>,
        returns: Type,
    ) -> Expr {
        let volatility = Volatility::Volatile;
        Self::build(
            name,
            String::new(),
            (kernel, Known::default()),
            args,
            returns,
            volatility,
        )
    }

    fn build(
        name: &str,
        identity: String,
        (kernel, known): (Kernel, Known),
        args: Vec<(Expr, Type)>,
        returns: Type,
        volatility: Volatility,
    ) -> Expr {
        let (args, arg_types): (Vec<Expr>, Vec<Type>) = args.into_iter().unzip();
        let signature = if args.is_empty() {
            Signature::nullary(volatility)
        } else {
            Signature::variadic_any(volatility)
        };
        let function = Self {
            name: name.to_owned(),
            identity,
            arg_types,
            returns,
            signature,
            kernel,
            known,
        };
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(function)),
            args,
        ))
    }
}

impl fmt::Debug for KqlFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.returns)
    }
}

impl PartialEq for KqlFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.identity == other.identity
            && self.arg_types == other.arg_types
            && self.returns == other.returns
            && self.signature == other.signature
    }
}

impl Eq for KqlFunction {}

impl Hash for KqlFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, &self.identity, &self.arg_types, self.returns).hash(state);
    }
}

impl ScalarUDFImpl for KqlFunction {
    fn name(&self) -> &str {
        &self.name
    }

    /// Short, however deep the arguments are: the engine asks for the name of every expression within an expression,
    /// and names that hold those of their arguments make that grow with the cube of the depth. The
    /// arguments are in it as a number.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let mut number = DefaultHasher::new();
        (self, args).hash(&mut number);
        Ok(format!("{}#{:016x}", self.name, number.finish()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(data_type(self.returns))
    }

    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(
            match self
                .known
                .rewrite
                .as_ref()
                .and_then(|rewrite| rewrite(&args))
            {
                Some(better) => ExprSimplifyResult::Simplified(better),
                None => ExprSimplifyResult::Original(args),
            },
        )
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let volatile = self.signature.volatility == Volatility::Volatile;
        let all_constant = !volatile
            && args
                .args
                .iter()
                .all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let arguments = args
            .args
            .into_iter()
            .zip(&self.arg_types)
            .map(|(value, ty)| {
                Ok(match value {
                    ColumnarValue::Array(array) => Argument {
                        ty: *ty,
                        array,
                        constant: false,
                    },
                    ColumnarValue::Scalar(scalar) => Argument {
                        ty: *ty,
                        array: scalar.to_array_of_size(1)?,
                        constant: true,
                    },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let call = Call {
            args: arguments,
            rows: if all_constant { 1 } else { args.number_rows },
            given_up: GivenUp::of(&args.config_options),
        };
        let result = (self.kernel)(&call)?;
        Ok(if all_constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)
        } else {
            ColumnarValue::Array(result)
        })
    }
}
